"""An environment, examined: does it keep its promises, and what would help in learning it?"""

from __future__ import annotations

import itertools
import re
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from agents import job
from agents.row import Row
from drl.action_space import random_action
from drl.api.choose import choose
from drl.api.findings import Finding, Report
from drl.api.play import SECONDS, advice, play, steps_of
from drl.api.wrapped import settings_of, statistics_lines
from drl.closing import close
from drl.environment import VectorEnv, encoder_of
from drl.errors import EnvFailed, EnvWarning, UserError
from drl.nn.memory import GIB
from drl.raised import said
from drl.spaces import words
from drl.tables import label
from envs import repeat
from envs.alarm import Alarm, Hang
from envs.gymnasium_env import STEP_SECONDS, GymVector
from envs.own_state import tells_state
from envs.sources import EnvSource

SAME = 200  # steps that two environments of one seed are compared over
WAYS: Mapping[str | None, tuple[str, str]] = {
    "generator": ("ok", "an episode under way can be played again: runs resume exactly"),
    "seed": ("ok", "each episode is begun with a seed of its own, then runs resume exactly"),
    "instance": ("ok", "each episode is played in a new instance, then runs resume exactly"),
    None: (
        "look",
        "the same start and actions lead elsewhere: a run that resumes begins new episodes; draw "
        "everything random from self.np_random, which reset(seed=…) seeds",
    ),
}
# of Gymnasium's checker: what is looked at here too, and is no fault in how training calls an env
ASIDE = {
    "check_returned_data_not_reused", "check_step_determinism", "check_reset_seed_determinism"
}  # fmt: skip
UNASKED = (
    "different from the unwrapped version", "alternative render modes",
    "symmetric and normalized space",  # of actions, which agents choose within −1 … 1
)  # fmt: skip


def examine(made_by: EnvSource, row: Row, seed: int = 1) -> Report:
    """What is to be said of an environment, and of learning it by an agent.

    UserError where it cannot be made.
    """
    try:
        with _quiet():
            envs = made_by(num_envs=1, seed=seed)
    except EnvFailed as error:
        return Report("the environment", [Finding("fail", "making it", str(error))])
    findings: list[Finding] = []
    try:
        config, experiment = choose(row, envs.id, changes={"num_envs": 1})
        settings = settings_of(config, experiment)
        findings += _learner(row, envs, config, experiment)
        for line in statistics_lines(envs, settings):
            findings.append(Finding("look", "wrappers", line))
        findings += _played(envs, config, settings, seed)
    finally:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", EnvWarning)
            close(envs)
    findings += [Finding("look", "close()", _line(str(warning.message))) for warning in heard]
    if isinstance(envs, GymVector):
        findings += _checked(envs, seed)
        findings += _buffers(envs, seed)
    if not made_by.single and not any(finding.mark == "fail" for finding in findings):
        findings += _repeats(made_by, seed)
    return Report(envs.id, findings)


@contextmanager
def _quiet() -> Iterator[None]:
    """What is warned of is found out here."""
    with warnings.catch_warnings(action="ignore"):
        yield


def _spaces(envs: VectorEnv) -> str:
    """The environment's own."""
    return f"{words(encoder_of(envs).original)} → {words(envs.action_space)}"


def _learner(row: Row, envs: VectorEnv, config: Any, experiment: Any) -> list[Finding]:
    """Whether the agent can have these spaces, and the memory that fills as it learns."""
    setup = job.setup_of(envs, experiment, None, row.name)
    can = Finding("ok", "spaces", f"{_spaces(envs)}; {label(row.name)} can have them")
    try:
        config = row.resolve(config, setup)[0]
        agent = row.made(config, setup)
        row.require_room(agent, config)
    except (UserError, ValueError) as error:
        return [Finding("look", "spaces", f"{_spaces(envs)}: {error}")]
    except MemoryError as error:
        return [can, Finding("look", "memory", str(error))]
    text = f"{agent.nbytes / GIB:.3f} GiB fill in {experiment.steps:,} env steps"
    return [can, *([Finding("ok", "memory", text)] if agent.nbytes else [])]


def _played(envs: VectorEnv, config: Any, settings: set[str], seed: int) -> list[Finding]:
    """Of random play."""
    try:
        with _quiet():
            found = play(envs, seed, float(getattr(config, "gamma", 0.99)))
    except EnvFailed as error:
        return [Finding("fail", "random play", str(error))]
    findings = [Finding("fail", "random play", why) for why in dict.fromkeys(envs.restarts)]
    if not found.finite:
        findings.append(Finding("fail", "random play", "NaN or Inf among observations or rewards"))
        return findings
    if found.changed:
        text = "what a step gave is changed by later steps: give fresh arrays"
        findings.append(Finding("fail", "fresh arrays", text))
    return findings + advice(found, config, settings)


# -- Gymnasium's ----------------------------------------------------------------------------------
def _checked(envs: GymVector, seed: int) -> list[Finding]:
    """By Gymnasium's own checker."""
    from gymnasium.utils.env_checker import check_env

    name, findings = "Gymnasium's checker", []

    def check(env: Any) -> None:
        env.action_space.seed(seed)
        check_env(env, skip_render_check=True, skip_close_check=True)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        error = _within(envs, check)
    texts = dict.fromkeys(_line(str(warning.message)) for warning in heard)
    for text in texts:
        if not any(part in text for part in UNASKED):
            findings.append(Finding("look", name, text))
    if error is not None and envs.masked:
        text = f"{_line(said(error))} (it takes actions that masks forbid)"
        return [*findings, Finding("look", name, text)]
    if error is not None and not _aside(error):
        return [*findings, Finding("fail", name, _line(said(error)))]
    return findings or [Finding("ok", name, "nothing to say")]


def _aside(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.name in ASIDE for frame in frames)


def _line(text: str) -> str:
    """Without colours, and Gymnasium's own "WARN:"."""
    return " ".join(re.sub(r"\x1b\[\d*m", "", text).removeprefix("WARN: ").split())


def _within(envs: GymVector, what: Callable[[Any], Any]) -> BaseException | None:
    """What an env of theirs raises in the body; TimeoutError where it hangs."""
    env = None
    try:
        with Alarm(STEP_SECONDS) as clock:
            clock.start()
            env = envs.build()
            what(env)
            clock.stop()
    except Hang:
        return TimeoutError(f"no answer in {STEP_SECONDS:g} s")
    except (Exception, SystemExit) as error:
        return error
    finally:
        if env is not None and envs.owned:
            with _quiet():
                close(env)
    return None


def _buffers(envs: GymVector, seed: int) -> list[Finding]:
    """Whether it writes over observations that it has given."""
    reused = False

    def watch(env: Any) -> None:
        nonlocal reused
        last, info = env.reset(seed=seed)
        env.action_space.seed(seed)
        for _ in range(20):
            before = _leaves(last)
            kept = [leaf.copy() for leaf in before]
            mask = info.get("action_mask") if isinstance(info, Mapping) else None
            last, _, over, cut, info = env.step(random_action(env.action_space, mask))
            reused |= any(not np.array_equal(a, b) for a, b in zip(before, kept, strict=True))
            if over or cut:
                last, info = env.reset()

    with _quiet():
        error = _within(envs, watch)
    if error is not None:
        return []  # said already
    if reused:
        text = "writes over observations that it has given: they are copied here, not everywhere"
        return [Finding("look", "fresh arrays", text)]
    return [Finding("ok", "fresh arrays", "no observation changes after it was given")]


def _leaves(seen: Any) -> list[np.ndarray]:
    """The arrays of an observation, whatever it is nested in."""
    if isinstance(seen, Mapping):
        return [leaf for part in seen.values() for leaf in _leaves(part)]
    if isinstance(seen, (tuple, list)):
        return [leaf for part in seen for leaf in _leaves(part)]
    return [seen] if isinstance(seen, np.ndarray) else []


# -- does it repeat itself ------------------------------------------------------------------------
def _repeats(made_by: EnvSource, seed: int) -> list[Finding]:
    """By seed, and by playing an episode again."""
    with _quiet():
        first, again, other = (_course(made_by, s) for s in (seed, seed, seed + 1))
    name = "repeats by seed"
    both = zip(first, again, strict=False)  # a slow one may not come as far in its time
    differs = next((n for n, (a, b) in enumerate(both) if a != b), None)
    if differs is not None:
        where = "a first observation" if differs == 0 else f"another course at step {differs}"
        text = (
            f"the same seed and actions gave {where}: a run cannot be repeated; draw everything "
            "random from self.np_random, which reset(seed=…) seeds"
        )
        finding = Finding("look", name, text)
    elif first[0] == other[0]:
        finding = Finding("ok", name, "to the bit; every seed has the same first observation")
    else:
        finding = Finding("ok", name, "to the bit")
    return [finding, *_again(made_by, seed)]


def _course(made_by: EnvSource, seed: int) -> list[bytes]:
    """What is seen and earned from a seed, by the same random actions each time."""
    envs = made_by(num_envs=1, seed=seed)
    try:
        course, late = [], time.monotonic() + SECONDS
        for obs, _, step in itertools.islice(steps_of(envs, 0), SAME):
            ends = () if step is None else (step.final_obs, step.reward, step.terminated)
            course.append(b"".join(part.tobytes() for part in (obs, *ends)))
            if time.monotonic() > late:
                break
        return course
    finally:
        close(envs)


def _again(made_by: EnvSource, seed: int) -> list[Finding]:
    """Whether a run can go on in the episodes that were under way."""
    name = "repeats by replay"
    with _quiet():
        envs = made_by(num_envs=1, seed=seed)
        try:
            if not isinstance(envs, GymVector):
                envs.reset()
                if envs.state() is None:
                    text = (
                        "it tells no state: a resumed run goes on in new episodes; state() and "
                        "load_state(state) of its own would let it resume exactly"
                    )
                    return [Finding("look", name, text)]
                return [Finding("ok", name, "it saves its own state: runs resume exactly")]
            if tells_state(envs.envs[0].env):
                return [Finding("ok", name, "it saves its own state: runs resume exactly")]
            waited, busy = time.monotonic() + repeat.WAITING, time.process_time() + repeat.SECONDS
            envs.prepare()
            if time.monotonic() > waited or time.process_time() > busy:
                text = "it is too slow to be tried out: a run that resumes will say"
                return [Finding("look", name, text)]
            mark, text = WAYS[envs.way]
            return [Finding(mark, name, text)]  # type: ignore[arg-type]
        except EnvFailed as error:
            return [Finding("look", name, f"cannot be tried: {error}")]
        finally:
            close(envs)
