"""The process that steps a slice of the environments: it does what its pipe says.

    ("do", number, name, arguments)             from the parent
    ("failed", number, text, trace)             an environment has: how many have by now?
    ("done", number, value, warnings)           the answer
    ("error", number, (type, text, trace), warnings)

Observations, rewards, flags, masks and actions go through shared memory.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, NoReturn

import numpy as np

from drl.encoding import Seen
from drl.environment import Info, Step
from drl.errors import EnvFailed, EnvWarning, NotRepeated, UserError
from drl.raised import traceback_of
from drl.state import UNFIT, seed_shared, shared_generators
from drl.threads import of_this_process, one_thread
from envs.guarded import Failed
from envs.gymnasium_env import GymVector
from envs.repeat import begin
from envs.shared import Shared, received

Vector = Callable[..., GymVector]  # (id, num_envs, seed, build)
Make = Callable[..., GymVector]  # (*, num_envs, seed, vector: Vector)
KNOWN = (EnvFailed, NotRepeated, UserError, *UNFIT)  # errors that the parent raises again
ENDING = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):  # none on Windows
    ENDING.append(signal.SIGHUP)
DRAWS = (
    "draws from the random numbers that a process shares (random, numpy.random): with env_workers "
    "they are others than without; draw from self.np_random"
)


class Slice(GymVector):
    """Some of N environments: each with the name, seed and restarts that it has among all.

    first  number of the first of them: so many others are open
    ask    says that one has failed, with its traceback; how many have by now
    """

    def __init__(
        self, id: str | None, num_envs: int, seed: int, build: Callable[[], Any], *, first: int,
        ask: Callable[[str, str], int],
    ) -> None:  # fmt: skip
        self.ask = ask
        super().__init__(id, num_envs, seed, build, first=first)

    def _others(self) -> int:
        return super()._others() + self.first

    def _noted(self, what: str, error: Failed) -> int:
        return self.ask(what, error.trace)

    def begin_anew(self, number: int) -> tuple[np.ndarray, Info]:
        """New episodes in a process that stands for one that has died.

        number  of failures by now
        """
        obs = self._empty()
        with self.clock:
            for i in range(self.num_envs):
                key = [self.seed, self.first + i, number]
                seed = int(np.random.SeedSequence(key).generate_state(1)[0])
                try:
                    self.episodes[i] = begin(self.envs[i], self.way or "seed", seed, obs, i)
                except Failed as error:
                    raise EnvFailed(f"{error}: mend the env") from error
        self.begun[:] = np.maximum(self.begun, 1)
        self.obs, self.failed = self._finite(obs), False
        self.masked = all(env.mask() is not None for env in self.envs)
        return obs, self._info({})


def seen(make: Make, channels: Seen, **of: Any) -> GymVector:
    """Made, and told where the channels of their pictures are."""
    made = make(**of)
    made.see(channels)
    return made


class About(NamedTuple):
    """What the parent is told of them once."""

    id: str
    encoder: Any
    action_space: Any
    fps: float
    keep_statistics: list[str]  # wrappers that do
    pays_for_goals: bool  # whether they have compute_reward


class Server:
    """The environments of this process, and what the parent may ask of them."""

    def __init__(self, pipe: Connection, make: Make, first: int, count: int, seed: int) -> None:
        self.pipe, self.number = pipe, 0
        self.told: list[tuple[str, str, str]] = []  # warnings: category, text, traceback
        self.waiting: list[Any] = []  # what came while an answer was expected
        self.generators = shared_generators()

        def slice_of(id: str | None, num_envs: int, seed: int, build: Callable[[], Any]) -> Slice:
            return Slice(id, num_envs, seed, build, first=first, ask=self.ask)

        warnings.simplefilter("default")
        warnings.simplefilter("always", EnvWarning)
        warnings.showwarning = self.tell
        self.vector: Any = None
        self.shared: Shared | None = None
        self.make: Callable[[], GymVector] = lambda: make(
            num_envs=count, seed=seed, vector=slice_of
        )

    def tell(self, message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        """A warning goes to the parent with the next answer."""
        self.told.append((category.__name__, str(message), getattr(message, "trace", "")))

    def ask(self, text: str, trace: str) -> int:
        """How many have failed by now.   EnvFailed where the parent has other things to do."""
        self.pipe.send(("failed", self.number, text, trace))
        answer = self.pipe.recv()
        if type(answer) is int:
            return answer
        self.waiting.append(answer)
        raise EnvFailed(text)

    def run(self) -> None:
        """Until the parent says `close`, or is gone."""
        name = "made"
        while name != "close":
            _, self.number, name, given = self.waiting.pop() if self.waiting else self.pipe.recv()
            answer: tuple[str, Any]
            try:
                asked: Callable[..., Any] = getattr(self, name)
                answer = "done", asked(*given)
            except KNOWN as error:
                text = str(error.args[0] if error.args else "")
                answer = "error", (_kind(error), text, traceback_of(error))
            except Exception:  # a fault of ours: all that is known of it
                answer = "error", ("RuntimeError", traceback.format_exc(), "")
            told, self.told = self.told, []
            self.pipe.send((answer[0], self.number, answer[1], told))

    # -- what is asked ------------------------------------------------------------------------
    def made(self) -> About:
        """The environments."""
        self.vector = self.make()
        vector = self.vector
        return About(
            vector.id,
            vector.encoder,
            vector.action_space,
            vector.fps,
            vector.keep_statistics,
            vector.goal_rules is not None,
        )

    def memory(self) -> None:
        """It follows."""
        vector = self.vector
        spaces = vector.observation_space, vector.action_space
        self.shared = received(self.pipe, vector.num_envs, *spaces)
        vector.begun = self.shared["begun"]  # which outlives this process

    def prepare(self) -> Any:
        self.vector.prepare()
        return self.vector.way

    def follow(self, way: Any) -> None:
        """How episodes can be played again, as another process has found."""
        self.vector.way = way

    def reset(self) -> Any:
        obs, info = self.vector.reset()
        self._see_generators()
        return self._begun(obs, info)

    def begin_anew(self, number: int) -> Any:
        return self._begun(*self.vector.begin_anew(number))

    def _begun(self, obs: np.ndarray, info: Info) -> Any:
        none = np.zeros(len(obs), np.bool_)
        return self._put(Step(obs, none, none, none, obs, info))

    def step(self) -> Any:
        assert self.shared is not None
        return self._put(self.vector.step(self.shared["actions"]))

    def _put(self, step: Step) -> tuple[bool, bool, list[str], Info]:
        """Into the memory: whether there are final observations and invalid steps, the names of
        the info there, and what of it is not there."""
        assert self.shared is not None
        arrays = self.shared.arrays
        arrays["obs"][:], arrays["reward"][:] = step.obs, step.reward
        arrays["terminated"][:], arrays["truncated"][:] = step.terminated, step.truncated
        final = step.final_obs is not step.obs
        if final:
            arrays["final_obs"][:] = step.final_obs
        if step.invalid is not None:
            arrays["invalid"][:] = step.invalid
        there = [name for name in step.info if name in arrays]
        for name in there:
            arrays[name][:] = step.info[name]
        rest = {name: value for name, value in step.info.items() if name not in arrays}
        return final, step.invalid is not None, there, rest

    def state(self) -> Any:
        self._see_generators()
        state = self.vector.state()
        return None if state is None else {"way": state["way"], "envs": state["envs"]}

    def load_state(self, state: dict[str, Any]) -> None:
        self.vector.load_state(state)

    def render(self) -> np.ndarray:
        drawn: np.ndarray = self.vector.render()
        return drawn

    def close(self) -> None:
        vector, self.vector = self.vector, None
        if vector is not None:
            vector.close()

    def _see_generators(self) -> None:
        """EnvWarning where an environment has drawn from them: here they are not the parent's."""
        now = shared_generators()
        if any(_bytes(now[name]) != _bytes(self.generators[name]) for name in self.generators):
            warnings.warn(f"{self.vector.id} {DRAWS}", EnvWarning, stacklevel=2)
        self.generators = now


def _kind(error: Exception) -> str:
    """The name of its class that the parent knows: ours or Python's."""
    known = ("drl.errors", "builtins")
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ in known)


def _bytes(generator: Any) -> bytes:
    """Of a generator's state."""
    if isinstance(generator, dict):
        return b"".join(_bytes(value) for value in generator.values())
    return generator.tobytes() if isinstance(generator, np.ndarray) else repr(generator).encode()


def serve(
    pipe: Connection, make: Make, first: int, count: int, seed: int, started: int,
    parents: Connection | None = None,
) -> None:  # fmt: skip
    """In the process: until the parent says so, or is gone.

    started  processes that had this slice before
    parents  the parent's end of the pipe, where a fork has it too
    """
    if parents is not None:
        parents.close()
    for number in ENDING:  # the parent hears them too, and ends us
        signal.signal(number, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    of_this_process()
    key = np.random.SeedSequence([seed, first, 0, started])
    seed_shared(int(key.generate_state(1)[0]))
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        server = Server(pipe, make, first, count, seed)
        try:
            server.run()
        except (EOFError, OSError):  # the parent is gone, or has given us up
            server.close()


def _end_with_parent() -> NoReturn:
    """Wherever the environments are."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
