"""N of Gymnasium's environments in several processes: the same order, seeds and bytes as in one."""

from __future__ import annotations

import contextlib
import functools
import math
import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from drl.action_space import fitted
from drl.encoding import Encoder, Seen
from drl.environment import NO_INFO, Info, Step
from drl.errors import EnvFailed, NotRepeated, UserError
from drl.state import fill
from envs import gymnasium_env, success
from envs.alarm import Alarm
from envs.guarded import Guarded
from envs.gymnasium_env import LOST, noted
from envs.process import Died, Process
from envs.rules import Rules
from envs.worker import About, Make, Vector, seen

ALL_LOST = "it was started anew, their episodes are lost"


class GymWorkers:
    """N of Gymnasium's environments, each with its own seed and place, in processes side by side,
    each of which steps a slice of them one after the other.

    id       their name; None: the env's own
    build    makes one of them
    workers  processes, N at most
    again    makes them in a process that knows nothing of this one (spawn); None: processes are
             forks of this one
    channels whether pictures have their channels first or last; None: found by shape

    Step for step what GymVector gives: its slices are guarded by it.  A process that dies is
    started anew with an EnvWarning and new episodes, counted as one failure, its environments'
    step is invalid.   UserError where there is no fork and `again` is None.
    """

    frame_stack = 1
    reward_range: tuple[float, float] | None = None

    def __init__(
        self, id: str | None, num_envs: int, seed: int, build: Callable[[], Any], workers: int,
        again: Make | None = None, channels: Seen = None,
    ) -> None:  # fmt: skip
        self.num_envs, self.restarts = num_envs, list[str]()
        self.build, self.clock = build, Alarm(gymnasium_env.STEP_SECONDS)
        self.here: Guarded | None = None
        self.failed, self.told = False, set[str]()
        self.way: Any = "generator"
        self.method = "fork" if again is None else "spawn"
        if self.method not in multiprocessing.get_all_start_methods():
            raise UserError(
                "env_workers needs environments that another process can find: give an id, or a "
                "class in a file, as in my_env.py:MyEnv"
            )

        def forked(*, num_envs: int, seed: int, vector: Vector) -> Any:
            return vector(id, num_envs, seed, build)

        make: Make = again or forked
        if channels is not None:
            make = functools.partial(seen, make, channels)
        bounds = np.linspace(0, num_envs, min(workers, num_envs) + 1).astype(int).tolist()
        self.processes: list[Process] = []
        try:
            for first, end in zip(bounds, bounds[1:], strict=False):
                count = end - first
                self.processes.append(Process(make, self.method, first, count, seed))
            about = [self._made(process) for process in self.processes]
        except BaseException:
            self.close()
            raise
        one = about[0]
        self.id, self.action_space, self.fps = one.id, one.action_space, one.fps
        self.encoder: Encoder = one.encoder
        self.keep_statistics, self.pays_for_goals = one.keep_statistics, one.pays_for_goals
        self.observation_space: Any = self.encoder.space
        self.obs = self._empty()

    def _made(self, process: Process) -> About:
        try:
            return process.about()
        except Died as died:
            raise EnvFailed(
                f"the process of {_names(process)} ended ({died}) when they were made: mend the env"
            ) from died

    @property
    def goal_rules(self) -> Rules | None:
        """What they pay for other goals; None: they have no compute_reward.  It is asked of one
        more, made in this process when it is first needed."""
        return Rules(self.id, self._one_here) if self.pays_for_goals else None

    def _one_here(self) -> Any:
        if self.here is None:
            with self.clock:
                self.here = Guarded(self.id, self.build, self.clock)
        return self.here.env

    def prepare(self) -> None:
        """One process tries out how episodes can be played again."""
        first = self.processes[0]
        first.ask("prepare")
        try:
            self.way = first.answer(self._failed)
        except Died as died:
            self._anew(first, died, "in a trial")
        for process in self.processes:
            process.ask("follow", self.way)
        for process in self.processes:
            self._settled(process, "in a trial")

    def _settled(self, process: Process, when: str) -> Any:
        """Its answer; None where it has died and was started anew."""
        try:
            return process.answer(self._failed)
        except Died as died:
            self._anew(process, died, when)
            return None

    def reset(self) -> tuple[np.ndarray, Info]:
        """New episodes everywhere: (N, *shape).  The first is seeded, later ones go on."""
        step = self._together("reset", "in a reset")
        return step.obs, step.info

    def step(self, actions: np.ndarray) -> Step:
        """actions (N, *shape), those of the env's own space.   EnvFailed for the env's mistakes."""
        own = fitted(actions, self.action_space, self.num_envs)
        self.failed = True
        for process in self.processes:
            assert process.shared is not None
            process.shared["actions"][:] = own[process.rows]
        return self._together("step", "in a step")

    def _together(self, name: str, when: str) -> Step:
        """Asked of all at once, heard in the order of the environments."""
        n = self.num_envs
        obs, reward = self._empty(), np.zeros(n)
        terminated, truncated = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        invalid = np.zeros(n, np.bool_)
        finals: list[Process] = []
        infos: list[dict[str, np.ndarray]] = []
        for process in self.processes:
            process.ask(name)
        for process in self.processes:
            rows, shared = process.rows, process.shared
            assert shared is not None
            try:
                answer, died = process.answer(self._failed, self._patience(process)), False
            except Died as error:
                answer, died = self._anew(process, error, when), name == "step"
            final, has_invalid, there, rest = answer
            obs[rows], reward[rows] = shared["obs"], shared["reward"]
            terminated[rows], truncated[rows] = shared["terminated"], shared["truncated"]
            if final:
                finals.append(process)
            if died:
                invalid[rows] = True
            elif has_invalid:
                invalid[rows] = shared["invalid"]
            infos.append({name: shared[name].copy() for name in there} | dict(rest))
        final_obs = obs
        if finals:
            final_obs = obs.copy()
            for process in finals:
                assert process.shared is not None
                final_obs[process.rows] = process.shared["final_obs"]
        self.failed, self.obs = False, obs
        return Step(
            obs, reward, terminated, truncated, final_obs, _joined(infos, self.processes),
            invalid if invalid.any() else None,
        )  # fmt: skip

    def _patience(self, process: Process) -> float:
        """Seconds for a step and a reset of each of its environments, which have clocks of their
        own there: whoever takes longer is in C code that hears none."""
        if self.way == "instance":  # in a reset they are made
            return math.inf
        return (2 * process.count + 1) * gymnasium_env.STEP_SECONDS

    def _failed(self, text: str, trace: str) -> int:
        """An environment has: how many have by now."""
        return noted(self.restarts, text, LOST, trace)

    def _anew(self, process: Process, died: Died, when: str) -> Any:
        """Another process in its place, with new episodes: what they begin with."""
        what = f"the process of {self.id} ({_names(process)}) ended ({died}) {when}"
        while True:
            number = noted(self.restarts, what, ALL_LOST)
            try:
                process.start()
                process.about()
                process.ask("follow", self.way)
                process.answer(self._failed)
                process.ask("begin_anew", number)
                return process.answer(self._failed)
            except Died:
                continue

    def _empty(self) -> np.ndarray:
        space = self.observation_space
        return np.empty((self.num_envs, *space.shape), space.dtype)

    def state(self) -> dict[str, Any] | None:
        """As GymVector's; None too where a process has died since the last step."""
        if self.failed:
            return None
        for process in self.processes:
            process.ask("state")
        states = []
        for process in self.processes:
            try:
                states.append(process.answer(self._failed))
            except Died:
                states.append(None)
        envs: dict[str, Any] = {}
        for state in states:
            if state is None:
                return None
            envs |= state["envs"]
        return {"way": self.way, "envs": envs, "obs": self.obs.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Every episode under way is played again, in all processes at once.

        NotRepeated where an env does not come out where it was; ValueError or KeyError where the
        state is another env's.
        """
        obs = self._empty()
        fill(obs, state["obs"], f"{self.id} observations")
        for process in self.processes:
            process.ask("load_state", {**state, "obs": obs[process.rows]})
        for process in self.processes:
            try:
                process.answer(self._failed)
            except Died as died:
                raise NotRepeated(
                    f"the process of {self.id} ({_names(process)}) ended ({died}) when its "
                    "episodes were played again"
                ) from died
        self.way, self.obs, self.failed = state["way"], obs, False

    def render(self) -> np.ndarray:
        """Environment 0: (H, W, 3) uint8.   UserError where it was not made to be drawn."""
        first = self.processes[0]
        first.ask("render")
        try:
            drawn: np.ndarray = first.answer(self._failed)
        except Died as died:
            raise UserError(f"{self.id} ended its process ({died}) in render()") from died
        return drawn

    def close(self) -> None:
        """Close each of them and end the processes; EnvWarning where one raises or hangs."""
        for process in self.processes:
            process.leave(process.count * gymnasium_env.STEP_SECONDS)
        with contextlib.ExitStack() as ends:  # all of them, whatever one of them raises
            if self.here is not None:
                with self.clock:
                    self.here.close()
            for process in reversed(self.processes):
                ends.callback(process.close)


def _names(process: Process) -> str:
    last = process.first + process.count - 1
    if last == process.first:
        return f"environment {last}"
    return f"environments {process.first} to {last}"


def _joined(infos: list[dict[str, np.ndarray]], processes: Sequence[Process]) -> Info:
    """One mapping of the slices' own, (N, …) each; of what only some have, where it is of final
    observations, the others' is that of the newest; successes of those that say none are NaN."""
    names = {name for info in infos for name in info}
    if not names:
        return NO_INFO
    found: dict[str, np.ndarray] = {}
    if success.NAME in names:
        for info, process in zip(infos, processes, strict=True):
            info.setdefault(success.NAME, np.full(process.count, np.nan))
    for name in sorted(names):
        newest = name.removeprefix("final_")
        rows = [info.get(name, info.get(newest)) for info in infos]
        if all(row is not None for row in rows):
            found[name] = np.concatenate([row for row in rows if row is not None])
    return found
