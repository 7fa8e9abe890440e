"""One of Gymnasium's environments behind a guard: the one place where its code is called."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from drl.action_space import mask_size
from drl.encoding import Encoder
from drl.errors import EnvFailed, EnvWarning, UserError
from drl.observed import Misfit
from drl.raised import place, said, traceback_of
from envs import answers
from envs.alarm import Alarm, Hang
from envs.answers import Wrong
from envs.rules import through

MAKE_SECONDS = 600.0  # a simulator may be compiled, or started as a process, when it is made


class Failed(Exception):
    """Environment code raised, or gave no answer in time.

    `str` says who, when and why in one line, `why` only what was raised, and where.
    """

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{text} ({why})")
        self.why = why

    @property
    def trace(self) -> str:
        """The whole traceback of what was raised."""
        return "" if self.__cause__ is None else traceback_of(self.__cause__)


class GivenAgain(EnvFailed):
    """What should make new environments gives one that is open already."""


class Guarded:
    """An environment whose answers are ours (copied before the next call into it) and right.

    name   for messages; it may be changed
    build  makes the environment
    clock  open while there are calls (`with clock`): each has its whole time

    encoder  makes its observations arrays of those that are asked for; None: they are such

    What environment code raises comes out as Failed; what no second try can mend (an answer that
    no environment may give, sys.exit) as EnvFailed.  Ctrl-C passes.
    """

    def __init__(self, name: str, build: Callable[[], Any], clock: Alarm) -> None:
        self.name, self.clock = name, clock
        self.info: Any = None  # of the newest observation
        self.encoder: Encoder | None = None
        self.env, self.observation_space, self.action_space = self._call(
            lambda: _made(build()), "when it was made", MAKE_SECONDS
        )
        self.mask_size = mask_size(self.action_space)

    @property
    def inner(self) -> Any:
        """The environment itself, whatever is wrapped around it."""
        return getattr(self.env, "unwrapped", self.env)

    def reset(self, obs: np.ndarray, i: int, seed: int | None = None) -> None:
        """obs[i] ← the first observation of a new episode."""
        answer = self._call(lambda: self.env.reset(seed=seed), "in a reset")
        try:
            seen, self.info = answers.of_reset(answer)
            self._put(seen, obs, i)
        except Wrong as wrong:
            self._wrong(wrong)

    def step(self, action: Any, obs: np.ndarray, i: int) -> tuple[float, bool, bool]:
        """obs[i] ← the next observation; reward, terminated, truncated.

        action  of the environment's own space, an int of Discrete
        """
        clock = self.clock
        try:  # `_call` by hand: this is the hot path
            clock.start()
            answer = self.env.step(action)
            clock.stop()
        except BaseException as error:
            self._raised(error, "in a step")
        try:
            if type(answer) is not tuple or len(answer) != 5:
                answer = answers.of_step(answer)
            seen, reward, over, cut, self.info = answer
            self._put(seen, obs, i)
            over = over if type(over) is bool else answers.flag(over, "terminated")
            cut = cut if type(cut) is bool else answers.flag(cut, "truncated")
            return answers.reward(reward), over, cut
        except Wrong as wrong:
            self._wrong(wrong)

    def mask(self, over: bool = False) -> np.ndarray | None:
        """Which actions the newest observation allows: (A,) bool (drl.action_space).

        From info["action_mask"], or from the env's action_masks(); None where it has neither, and
        where its actions have no masks.   over: the episode has ended with it.
        """
        if self.mask_size is None:
            return None
        given = self.info.get("action_mask") if isinstance(self.info, Mapping) else None
        if given is None:
            action_masks = through(self.env, "action_masks")
            if action_masks is None:
                return None
            given = self._call(action_masks, "in action_masks()")
        try:
            return answers.mask(given, self.action_space, self.mask_size, over)
        except Wrong as wrong:
            self._wrong(wrong)

    def close(self) -> None:
        """EnvWarning where it fails: what it was needed for is done."""
        try:
            self._call(self.env.close, "in close()")
        except (Failed, EnvFailed) as error:
            text = f"{error}; nothing is lost by it, but what it held may still be held"
            warnings.warn(EnvWarning(text, traceback_of(error)), stacklevel=3)

    def _put(self, seen: Any, obs: np.ndarray, i: int) -> None:
        """obs[i] ← seen, copied before the next call into the environment."""
        if self.encoder is not None:
            try:
                self.encoder.encode(seen, obs[i])
            except Misfit as misfit:
                raise answers.wrong(misfit) from misfit
            return
        space = self.observation_space.dtype
        obs[i] = answers.observation(seen, obs.shape[1:], obs.dtype, space)

    def _call(self, code: Callable[[], Any], when: str, seconds: float | None = None) -> Any:
        try:
            self.clock.start(seconds)
            answer = code()
            self.clock.stop()
        except BaseException as error:
            self._raised(error, when)
        return answer

    def _raised(self, error: BaseException, when: str) -> NoReturn:
        """What environment code raised, as we raise it."""
        try:
            self.clock.stop()
        except Hang as hang:  # whatever the environment has made of it
            error = hang.with_traceback(error.__traceback__)
        if isinstance(error, (KeyboardInterrupt, UserError)):
            raise error
        if isinstance(error, SystemExit):
            where = place(error, installed=True)
            at = where and f" at {where}"
            text = f"{self.name} called sys.exit({error.code!r}) {when}{at}: mend the env"
            raise EnvFailed(text) from error
        if wrong := _stumbled(error, when):
            raise EnvFailed(f"{self.name} {wrong}: mend the env") from error
        known = error
        if isinstance(error, Hang):
            known = TimeoutError(str(error)).with_traceback(error.__traceback__)
        raise Failed(f"{self.name} failed {when}", said(known, installed=True)) from error

    def _wrong(self, wrong: Wrong) -> NoReturn:
        raise EnvFailed(f"{self.name} {wrong}: mend the env") from wrong


def _made(env: Any) -> tuple[Any, Any, Any]:
    """With its spaces: asking for them runs environment code too."""
    return env, env.observation_space, env.action_space


def _stumbled(error: BaseException, when: str) -> str | None:
    """What Gymnasium's wrappers stumble over, in the words of the answer that was wrong."""
    text = str(error) if isinstance(error, (ValueError, TypeError)) else ""
    if "unexpected keyword argument 'seed'" in text:
        return "has a reset without a seed, the old Gym API; Gymnasium's is reset(seed=, options=)"
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else str(last.tb_frame.f_globals.get("__name__"))
    if "unpack" not in text or not where.startswith("gymnasium."):
        return None
    got = re.search(r"got (\d+)", text)
    try:
        if when == "in a reset":
            answers.of_reset(None)
        answers.of_step((None,) * int(got[1]) if got else None)
    except Wrong as wrong:
        return str(wrong)
    return None
