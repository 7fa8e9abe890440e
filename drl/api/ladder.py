"""The probe ladder: an agent in worlds whose values are known, the simplest first.

Andy Jones, "Debugging RL, Without the Agonizing Pain", 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from agents import job
from agents.config import ExperimentConfig
from agents.evaluation import evaluate
from agents.player import Memoryless
from agents.row import Row
from agents.task import RLTask
from drl.action_space import kind_of_actions
from drl.api.choose import on_top
from drl.api.findings import Finding, Mark, Report
from drl.errors import Diverged, UserError
from drl.raised import said
from drl.tables import label
from envs import probes
from envs.probe_goals import ProbeGoals, ProbeReach
from envs.sources import source

GAMMA = 0.6  # so that faults lead to values far from the true ones, and soon
CLOSE = 0.1  # of a value to the known one
CLOSE_ACTION = 0.3  # of a continuous action to the best
HINDSIGHT = "her"  # the setting by which goals are learnt from that were achieved
SHARE = 0.8  # of actions that have to be the best, where the policy tells no values
EPISODES, ENOUGH = 100, 0.9  # of a policy with a memory, or goals, and the mean that is enough
STEPS, ENVS = 2_000, 4  # env steps of a rung, environments side by side
# of an agent that has settings of these names.
# q_lambda 0: longer returns hold what exploring cost, and are no values of the best actions
SETTINGS: Mapping[str, Any] = {
    "gamma": GAMMA, "hidden": (32,), "lr": 5e-3, "lr_end": 5e-4, "learning_starts": 100,
    "batch_size": 32, "buffer_size": 2_000, "tau": 0.05, "epsilon_end": 0.2,
    "epsilon_fraction": 0.5, "n_steps": 8, "q_lambda": 0.0, "recurrent_units": 16,
    "log_std_init": -1.0, "action_noise": 0.5, "ent_coef": 0.01,
}  # fmt: skip


@dataclass(frozen=True)
class Rung:
    """A probe, and what a learner has to know of it.

    name     in the table
    env      the probe's class
    known    the one whose values it has; None: known by what `judge` says
    actions  kind of its actions (drl.action_space.KINDS)
    judge    a policy and the rung → what it makes of it; and where it fails, why
    memory   whether it is for policies that remember
    numbers  the env in its place for agents of numbers alone; None: its actions as numbers
    setting  which has to be on for it, where the agent has one of this name
    """

    name: str
    env: Any
    known: type[probes.Probe] | None
    actions: str = "Discrete"
    judge: Callable[[Any, Rung], tuple[Finding, str]] | None = None
    memory: bool = False
    numbers: Any = None
    setting: str = ""


def climb(row: Row, seed: int = 1, steps: int = STEPS) -> Report:
    """An agent on each rung of the ladder up to the first that fails, and what is broken there:
    those above presuppose it.

    steps  env steps on each rung

    UserError where it can be tried on none.
    """
    found: list[Finding] = []
    diagnosis = ""
    for rung in LADDER:
        if diagnosis:
            found.append(Finding("skipped", rung.name, "presupposes the rungs before it"))
            continue
        finding, why = tried(row, rung, seed, steps)
        found.append(finding)
        if finding.mark == "fail":
            diagnosis = f"{rung.name}: {why}"
    name = label(row.name)
    if all(finding.mark == "skipped" for finding in found):
        raise UserError(f"{name} can be tried on no probe: {found[0].text}")
    return Report(f"{name} on the probe ladder", found, diagnosis)


def tried(row: Row, rung: Rung, seed: int, steps: int = STEPS) -> tuple[Finding, str]:
    """What an agent makes of a rung; and where it fails, why."""
    if rung.setting == HINDSIGHT and not _has(row, HINDSIGHT):
        return Finding("skipped", rung.name, f"it has no hindsight (`{HINDSIGHT}`)"), ""
    try:
        task = built(row, rung, seed, steps)
    except UserError as error:
        return Finding("skipped", rung.name, str(error)), ""
    except Exception as error:  # of an agent that does not look at its spaces
        text = f"{label(row.name)} cannot be built for it ({said(error)})"
        return Finding("skipped", rung.name, text), ""
    try:
        if rung.memory and isinstance(task.agent.policy().player(1), Memoryless):
            return Finding("skipped", rung.name, "it remembers nothing of what it has seen"), ""
        for _ in task.run(task.goal):
            pass
        finding, why = judged(task, rung)
        with_ = "".join(f"`{name}={value}`: " for name, value in _instead(row, rung).items())
        return finding._replace(text=f"{with_}{finding.text}"), why
    except Diverged as error:
        return Finding("fail", rung.name, str(error)), rung.env.otherwise
    finally:
        task.close()


def built(row: Row, rung: Rung, seed: int, steps: int) -> RLTask:
    """An agent there, before it is trained.   UserError where the two do not fit."""
    config, experiment = row.config(), ExperimentConfig()
    given = {f.name for f in (*fields(config), *fields(experiment))}
    settings = {name: value for name, value in SETTINGS.items() if name in given}
    own = {"steps": steps, "num_envs": ENVS, "seed": seed} | _instead(row, rung)
    chosen = on_top(row, config, experiment, settings | own)
    return job.new(row, *chosen, source(_env(row, rung)), None).task


def _env(row: Row, rung: Rung) -> Any:
    """The rung's probe; for an agent of numbers alone one of numbers."""
    takes = row.actions or (rung.actions,)
    if rung.numbers is not None and rung.actions not in takes and "Box" in takes:
        return rung.numbers
    by_number = rung.known is not None and rung.known.allowed is None
    if rung.actions not in takes and "Box" in takes and by_number:
        return probes.by_numbers(rung.env)
    return rung.env


def _instead(row: Row, rung: Rung) -> dict[str, Any]:
    """The setting by which the agent can have the rung, where it needs one."""
    if rung.setting and _has(row, rung.setting):
        return {rung.setting: True}
    if row.actions is None or rung.actions in row.actions or rung.actions not in row.instead:
        return {}
    setting, value = row.instead[rung.actions]
    return {setting: value}


def _has(row: Row, setting: str) -> bool:
    return any(field.name == setting for field in fields(row.config))


def judged(task: RLTask, rung: Rung) -> tuple[Finding, str]:
    """What has been learnt, beside what is known."""
    policy: Any = task.agent.policy()
    if rung.judge is not None:
        return rung.judge(policy, rung)
    assert rung.known is not None
    if forbidden := getattr(task.envs, "taken_though_forbidden", 0):
        text = f"needs masks: it took {forbidden:,} forbidden actions, the agent does not use them"
        return Finding("skipped", rung.name, text), ""
    believed, known = _believed(policy, rung.known), probes.values(rung.known, _gamma(policy))
    if believed is None:
        return _chooses(policy, rung, known)
    if believed.shape[1] == 1:
        known = np.nanmax(known, axis=1, keepdims=True)
    said = f"{_shown(believed, known)}, known {_shown(known, known)}"
    if _close(believed, known):
        return Finding("ok", rung.name, said), ""
    return Finding("fail", rung.name, said), _why(rung, believed, known, _gamma(policy))


def _believed(policy: Any, probe: type[probes.Probe]) -> np.ndarray | None:
    """Q (S, A) of every state, where the policy tells it, else V (S, 1); None: neither."""
    seen = probes.one_hot(len(probe.pays))
    if (q := policy.q_batch(seen)) is not None:
        return np.asarray(q, np.float64)
    value = policy.player(len(seen)).value(seen, probe.allowed)
    return None if value is None else np.asarray(value, np.float64)[:, None]


def _chooses(policy: Any, rung: Rung, known: np.ndarray) -> tuple[Finding, str]:
    """Of a policy that tells no values: the share of its actions that are the best."""
    best = known == np.nanmax(known, axis=1, keepdims=True)  # (S, A)
    (counts,) = (best.sum(axis=1) == 1).nonzero()  # states where it matters what is done
    if known.shape[1] == 1 or not len(counts):
        return Finding("skipped", rung.name, "nothing to choose, and the policy tells no value"), ""
    states, allowed = np.tile(counts, 50), getattr(rung.known, "allowed", None)
    masks = None if allowed is None else allowed[states]
    acted = policy.player(len(states)).act(probes.one_hot(len(known))[states], masks)
    share = float(best[states, acted].mean())
    mark: Mark = "ok" if share >= SHARE else "fail"
    return Finding(mark, rung.name, f"{share:.0%} of its actions are the best"), rung.env.otherwise


def _gamma(policy: Any) -> float:
    return float(getattr(policy.config, "gamma", GAMMA))


def _close(believed: np.ndarray, known: np.ndarray) -> bool:
    wrong = np.abs(believed - known)[~np.isnan(known)]
    return bool((wrong <= CLOSE).all())  # NaN is not


def _why(rung: Rung, believed: np.ndarray, known: np.ndarray, gamma: float) -> str:
    """The faults that would lead to just these values; where there are none, where to look."""
    assert rung.known is not None
    found = []
    for fault in probes.FAULTS:
        led = probes.values(rung.known, gamma, fault.name)
        if believed.shape[1] == 1:
            led = np.nanmax(led, axis=1, keepdims=True)
        if _close(believed, led) and not _close(led, known):
            found.append(fault.words)
    return "; or ".join(found) if found else str(rung.env.otherwise)


def _acts(policy: Any, rung: Rung) -> tuple[Finding, str]:
    """Of ProbeContinuous: the best action is what is observed."""
    seen = np.array([[-1.0], [1.0]], np.float32)
    acted = np.asarray(policy.player(len(seen)).act(seen), np.float64).reshape(seen.shape)
    said = f"acts {_shown(acted, seen)}, best {_shown(seen, seen)}"
    close = bool((np.abs(acted - seen) <= CLOSE_ACTION).all())
    return Finding("ok" if close else "fail", rung.name, said), rung.env.otherwise


def _remembers(policy: Any, rung: Rung) -> tuple[Finding, str]:
    """Of ProbeMemory: what it gets there."""
    mean = evaluate(policy, source(rung.env)(num_envs=EPISODES, seed=0), EPISODES).mean
    said = f"gets {mean:.2f} of 1.00, without a memory 0.50"
    return Finding("ok" if mean >= ENOUGH else "fail", rung.name, said), rung.env.otherwise


def _reaches(policy: Any, rung: Rung) -> tuple[Finding, str]:
    """Of the probes with goals: the share of episodes that reach theirs."""
    env = rung.numbers if kind_of_actions(policy.action_space) == "Box" else rung.env
    rate = evaluate(policy, source(env)(num_envs=EPISODES, seed=0), EPISODES).success_rate or 0.0
    said = f"reaches {rate:.0%} of its goals"
    return Finding("ok" if rate >= ENOUGH else "fail", rung.name, said), rung.env.otherwise


def _shown(values: np.ndarray, known: np.ndarray) -> str:
    """A row of each state, those apart by |; what nobody can know is left out."""
    rows = zip(values, known, strict=True)
    return " | ".join(
        " ".join(f"{v:.2f}" for v, k in zip(row, true, strict=True) if not np.isnan(k))
        for row, true in rows
    )


def _rung(name: str, probe: type[probes.Probe]) -> Rung:
    return Rung(name, probe, probe)


LADDER = (
    _rung("constant reward", probes.ProbeConstant),
    _rung("reward by observation", probes.ProbeObservation),
    _rung("credit over two steps", probes.ProbeTwoSteps),
    _rung("reward by action", probes.ProbeAction),
    _rung("reward by both", probes.ProbeActionObservation),
    _rung("a choice that comes later", probes.ProbeChoice),
    _rung("truncation", probes.ProbeTruncated),
    Rung("one buffer", probes.ProbeBuffer, probes.ProbeTwoSteps),
    _rung("action masks", probes.ProbeMasked),
    Rung("memory", probes.ProbeMemory, None, judge=_remembers, memory=True, setting="recurrent"),
    Rung("continuous action", probes.ProbeContinuous, None, "Box", _acts),
    Rung("goals", ProbeGoals, None, judge=_reaches, numbers=ProbeReach, setting=HINDSIGHT),
)
