"""The doctor on agents: the ladder is climbed, and planted faults are found on the right rung."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import drl
from agents import DQN, Agent, DQNConfig, SavedPolicy, Setup, build_dqn
from agents.dqn import targets
from agents.memory.hindsight import HindsightReplay
from drl.actions import ActionTable
from drl.api import ladder
from drl.cli.main import main
from drl.errors import Diverged
from envs.gymnasium_env import GymVector

RIGHT = targets.double_q_target
LEARNT = [
    "constant reward", "reward by observation", "credit over two steps", "reward by action",
    "reward by both", "a choice that comes later", "truncation", "one buffer", "action masks",
    "continuous action", "goals",
]  # fmt: skip


def test_dqn_climbs_the_ladder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    marks = {finding["name"]: finding["mark"] for finding in told["findings"]}
    assert [name for name in LEARNT if marks[name] != "ok"] == []
    assert told["diagnosis"] == "" and not told["failed"]
    *_, acts, goals = told["findings"]
    assert acts["text"].startswith("`discretise=5`: acts -1.00 | 1.00")
    assert goals["text"].startswith("`her=True`: reaches 9") or "100%" in goals["text"]


# -- planted faults --------------------------------------------------------------------------------
Patch = pytest.MonkeyPatch


def through_termination(patch: Patch) -> None:
    def target(head: Any, net: Any, target_net: Any, batch: Any) -> Any:
        gamma = net.ops.asarray(np.full(len(batch.r), 0.6, np.float32))
        return RIGHT(head, net, target_net, batch)._replace(discount=gamma)

    patch.setattr(targets, "double_q_target", target)


def observing(change: Callable[[Any], Any]) -> Callable[[Patch], None]:
    """What a DQN remembers of a step is another."""

    def plant(patch: Patch) -> None:
        right = DQN.observe
        patch.setattr(DQN, "observe", lambda self, obs, a, step: right(self, obs, a, change(step)))

    return plant


def wrong_action_in_the_target(patch: Patch) -> None:
    def target(head: Any, net: Any, target_net: Any, batch: Any) -> Any:
        z = head.outputs(target_net, batch.s_next)
        a = net.ops.argmax(-head.mean(z), axis=1)
        return targets.Target(batch.r, batch.discount, head.at(z, a))

    patch.setattr(targets, "double_q_target", target)


def wrong_action_fitted(patch: Patch) -> None:
    from agents.dqn.heads import QHead

    right = QHead.fit
    patch.setattr(
        QHead, "fit",
        lambda self, z, a, target, weight: right(self, z, z.shape[1] - 1 - a, target, weight),
    )  # fmt: skip


def reward_sign(patch: Patch) -> None:
    def target(*args: Any) -> Any:
        found = RIGHT(*args)
        return found._replace(r=-found.r)

    patch.setattr(targets, "double_q_target", target)


def no_masks_in_the_target(patch: Patch) -> None:
    def target(head: Any, net: Any, target_net: Any, batch: Any) -> Any:
        return RIGHT(head, net, target_net, batch._replace(next_mask=None))

    patch.setattr(targets, "double_q_target", target)


def no_discount(patch: Patch) -> None:
    def target(*args: Any) -> Any:
        found = RIGHT(*args)
        return found._replace(discount=1.0 * (found.discount > 0))

    patch.setattr(targets, "double_q_target", target)


def one_array(patch: Patch) -> None:
    """What N environments give is written over by their next step."""
    right = GymVector._empty
    kept: dict[int, Any] = {}
    patch.setattr(GymVector, "_empty", lambda self: kept.setdefault(id(self), right(self)))


def another_action_than_was_valued(patch: Patch) -> None:
    """What is observed is right, since the memory is told what was done."""
    right = ActionTable.decode
    patch.setattr(ActionTable, "decode", lambda self, chosen: right(self, self.n - 1 - chosen))


FAULTS = {  # what is planted, the rung, words of the diagnosis
    "bootstrap through termination": (
        through_termination, "constant reward", "bootstraps through termination",
    ),
    "action of another number": (
        another_action_than_was_valued, "continuous action", "the best action is not found",
    ),
    "reward's sign": (reward_sign, "constant reward", "rewards have the wrong sign"),
    "no bootstrap at truncation": (
        observing(lambda step: step._replace(terminated=step.terminated | step.truncated)),
        "truncation", "a truncated episode is taken for a terminated one",
    ),
    "bootstrap from the next episode": (
        observing(lambda step: step._replace(final_obs=step.obs)),
        "truncation", "the next one's first observation",
    ),
    "wrong action in the target": (
        wrong_action_in_the_target, "a choice that comes later", "takes a wrong action of s′",
    ),
    "wrong action fitted": (
        wrong_action_fitted, "reward by action", "fitted to another action",
    ),
    "no discount": (no_discount, "credit over two steps", "not discounted"),
    "nothing bootstrapped": (
        observing(lambda step: step._replace(terminated=np.full(len(step.reward), True))),
        "credit over two steps", "nothing is bootstrapped",
    ),
    "rewards that are not the steps'": (
        observing(lambda step: step._replace(reward=np.roll(step.reward, 1))),
        "reward by observation", "observations and rewards of a batch are those of the same",
    ),
    "no masks in the target": (
        no_masks_in_the_target, "action masks", "the target counts actions that are forbidden",
    ),
    "buffers": (one_array, "one buffer", "copy them before the next step"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, rung, words = FAULTS[fault]
    plant(monkeypatch)
    report = drl.doctor()
    first = next(finding for finding in report.findings if finding.mark == "fail")
    assert report.failed and first.name == rung, str(report)
    assert report.diagnosis.startswith(f"{rung}: ") and words in report.diagnosis
    above = report.findings[report.findings.index(first) + 1 :]
    assert all(finding.mark == "skipped" for finding in above)


def test_a_fault_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    reward_sign(monkeypatch)
    assert main(["doctor"]) == 1
    assert "rewards have the wrong sign" in capsys.readouterr().out.splitlines()[-1]


def test_an_agent_that_looks_at_no_masks_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    right = DQN.act
    monkeypatch.setattr(DQN, "act", lambda self, obs, step, mask=None: right(self, obs, step))
    monkeypatch.setattr(ladder, "LADDER", ladder.LADDER[5:9])
    report = drl.doctor()
    (masked,) = [finding for finding in report.findings if finding.name == "action masks"]
    assert masked.mark == "skipped" and "needs masks: it took" in masked.text
    assert not report.failed


def other_goals_with_the_rewards_of_the_old(patch: Patch) -> None:
    def relabel(self: Any, batch: Any, which: Any, goal: Any) -> None:
        for obs in (batch.s, batch.s_next):
            self.goals.put(obs, which, goal)

    patch.setattr(HindsightReplay, "_relabel", relabel)


def none_relabelled(patch: Patch) -> None:
    patch.setattr(HindsightReplay, "_relabel", lambda self, batch, which, goal: None)


@pytest.mark.parametrize("plant", [other_goals_with_the_rewards_of_the_old, none_relabelled])
def test_hindsight_that_is_none_is_found(
    plant: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    monkeypatch.setattr(ladder, "LADDER", ladder.LADDER[-1:])
    for agent in ("dqn", "sac"):
        report = drl.doctor(agent=agent)
        assert report.failed and "what was achieved is not learnt from" in report.diagnosis


def test_goals_of_continuous_actions_and_of_who_has_no_hindsight(monkeypatch: Patch) -> None:
    monkeypatch.setattr(ladder, "LADDER", (ladder.LADDER[0], ladder.LADDER[-1]))
    first, goals = drl.doctor(agent="td3").findings
    assert (goals.mark, goals.text[:12]) == ("ok", "`her=True`: ")
    first, goals = drl.doctor(agent="ppo").findings
    assert (goals.mark, goals.text) == ("skipped", "it has no hindsight (`her`)")


def test_divergence_is_a_rung_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverged(self: Any) -> Any:
        raise Diverged("the loss", 7)

    monkeypatch.setattr(DQN, "learn", diverged)
    report = drl.doctor()
    assert "diverged" in report.findings[0].text and "the optimizer" in report.diagnosis


# -- agents of one's own ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Config:
    gamma: float = 0.9


class Acting(SavedPolicy):
    """A policy that tells no values: the last action, always."""

    def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        return np.full(len(obs), self.action_space.n - 1)


class Idle(DQN):
    """An agent that learns nothing, and whose policy tells no values."""

    def policy(self) -> Any:
        return self.acting

    def due(self, env_steps: int) -> bool:
        return False


class idle:
    Config = Config

    @staticmethod
    def build(config: Config, setup: Setup) -> Any:

        agent = build_dqn(DQNConfig(), setup)
        agent.__class__ = Idle
        agent.acting = Acting(config, setup, agent.net)
        return agent


def test_a_policy_without_values_is_judged_by_its_actions() -> None:
    report = drl.doctor(agent=idle)
    assert [finding.mark for finding in report.findings[:5]] == [
        "skipped", "skipped", "skipped", "ok", "fail",
    ]  # fmt: skip
    assert report.findings[3].text == "100% of its actions are the best"
    assert report.findings[4].text == "50% of its actions are the best"


class Continuous(Agent):
    """Acts by a factor on what it sees, and learns nothing."""

    def __init__(self, factor: float, setup: Setup) -> None:
        self.net, self.factor, self.setup = drl.MLP(1, 1, (2,)), factor, setup

    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        return self.factor * obs

    def policy(self) -> Any:
        policy = SavedPolicy(Config(), self.setup, self.net)
        policy.act_batch = lambda obs, mask=None: self.act(obs, 0)  # type: ignore[method-assign]
        return policy

    def observe(self, obs: np.ndarray, action: np.ndarray, step: Any) -> None: ...

    def due(self, env_steps: int) -> bool:
        return False

    def learn(self) -> Any: ...

    def interrupt_episodes(self, which: Any = None) -> None: ...

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: Any) -> None: ...


@pytest.mark.parametrize(("factor", "mark"), [(1.2, "ok"), (0.5, "fail")])
def test_a_continuous_agent_is_judged_by_its_actions(
    factor: float, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Acts:
        Config = Config

        @staticmethod
        def build(config: Config, setup: Setup) -> Any:
            return Continuous(factor, setup)

    monkeypatch.setattr(ladder, "LADDER", ladder.LADDER[-2:-1])
    report = drl.doctor(agent=Acts)
    (found,) = report.findings
    shown = f"acts {-factor:.2f} | {factor:.2f}, best -1.00 | 1.00"
    assert (found.mark, found.text) == (mark, shown)
    assert ("the units of actions" in report.diagnosis) == (mark == "fail")


def test_an_agent_that_can_be_built_nowhere_is_a_mistake() -> None:
    class Nowhere:
        Config = Config

        @staticmethod
        def build(config: Config, setup: Setup) -> Any:
            raise drl.UserError("only on Sundays")

    with pytest.raises(drl.UserError, match=r"tried on no probe: .*only on Sundays"):
        drl.doctor(agent=Nowhere)
