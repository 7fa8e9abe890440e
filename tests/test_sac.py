"""SAC and its kin in training: what is kept, and what their policies say."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box
from shell import ROOT, Shell, killed_and_resumed
from trained import assert_same

import drl
from agents.memory.replay import Batch
from agents.row import find_row
from agents.sac import crossq, sac, targets, td3, tqc
from agents.sac.agent import ActorCritic
from agents.sac.policy import GaussianPolicy
from agents.setup import Setup
from drl.api.ladder import climb
from drl.environment import Step
from drl.errors import UserError

KINDS = {"sac": sac, "td3": td3, "tqc": tqc, "crossq": crossq}
ENVS, D, K = 3, 4, 2
SMALL = {"hidden": (8,), "batch_size": 6, "buffer_size": 40, "learning_starts": 9, "hold": 2}
PENDULUM = ["--env", "drl/Pendulum-v1", "--seed", "5", "--num-envs", "4", "--hidden", "16",
            "--batch-size", "16", "--learning-starts", "100", "--buffer-size", "1000",
            "--updates-per-step", "0.25", "--checkpoint-every", "200", "--eval-every", "2000",
            "--eval-episodes", "2", "--log-to", "csv"]  # fmt: skip
OBS = np.random.default_rng(1).normal(size=(5, D)).astype(np.float32)


def built(kind: ModuleType, seed: int = 1, **settings: Any) -> ActorCritic:
    spaces = Box(-9, 9, (D,), np.float32), Box(-2.0, 4.0, (K,), np.float32)
    config = kind.Config(**{**SMALL, **settings})
    return kind.build(config, Setup(*spaces, num_envs=ENVS, steps=200, seed=seed))  # type: ignore[no-any-return]


def trained(agent: ActorCritic, first: int, last: int) -> None:
    """On made-up steps, env steps `first` to `last`; some end, in both ways."""
    for env_steps in range(first, last, ENVS):
        made = np.random.default_rng(env_steps)
        obs, following = made.normal(size=(2, ENVS, D)).astype(np.float32)
        action = agent.act(obs, env_steps)
        assert action.dtype == np.float32 and np.all((action >= -2) & (action <= 4))
        ends = made.random((2, ENVS)) < 0.2
        agent.observe(obs, action, Step(following, made.normal(size=ENVS), *ends, following))
        while agent.due(env_steps + ENVS):
            agent.learn()


@pytest.mark.parametrize("settings", [{}, {"n_step": 3, "prioritized": True, "lr_end": 1e-5}])
@pytest.mark.parametrize("name", KINDS)
def test_it_goes_on_from_its_state_to_the_same_bytes(name: str, settings: dict[str, Any]) -> None:
    first, second = built(KINDS[name], **settings), built(KINDS[name], seed=9, **settings)
    trained(first, 0, 60)
    second.load_state(first.state())
    for agent in (first, second):
        trained(agent, 60, 120)
    assert first.updates > 100
    assert_same(first.state(), second.state())


@pytest.mark.parametrize("name", KINDS)
def test_killed_it_goes_on_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    shell = Shell(ROOT, tmp_path / "runs")
    killed_and_resumed(shell, name, "6000", PENDULUM)
    assert shell.json("evaluate", "whole", "--episodes", "2")["episodes"] == 2
    shell.drl("export", "whole", "--out", "net.npz")


@pytest.mark.parametrize("name", KINDS)
def test_a_policy_s_file(name: str, tmp_path: Path) -> None:
    known: dict[str, Any] = {"hidden": (8,), "learning_starts": 64, "progress": False}
    result = drl.train(name, "drl/Pendulum-v1", steps=96, run=tmp_path, batch_size=8, **known)
    obs = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    found: Any = drl.load_policy(tmp_path / "checkpoints" / "best.safetensors")
    assert np.array_equal(found(obs), result.policy(obs))
    assert np.array_equal(found.value(obs), result.policy.value(obs))
    if name != "td3":
        with pytest.raises(UserError, match="the temperature in the checkpoint"):
            drl.load_run(tmp_path).resume(steps=128, ent_coef=0.1)


@pytest.mark.parametrize("name", KINDS)
def test_entropy_and_policy_anneal_by_the_same_updates(name: str) -> None:
    """As far after all updates as the critics, however rarely they are moved."""
    agent = built(KINDS[name], lr_end=1e-5)
    trained(agent, 0, 200)
    rates = [agent.critic_optimizer.lr, agent.optimizer.lr]
    learnt = getattr(agent.temperature, "optimizer", None)
    rates += [] if learnt is None else [learnt.lr]
    lr = agent.critic_optimizer.lr
    assert rates == pytest.approx([lr] * len(rates), rel=0.6) and lr < 3e-5


def test_a_temperature_is_the_same_before_its_first_step() -> None:
    first, second = built(sac, ent_coef_start=0.3), built(sac)
    second.load_state(first.state())
    assert first.temperature.value == second.temperature.value == pytest.approx(0.3)


@pytest.mark.parametrize("setting", [{"activation": "tanh"}, {"reward_scale": 0.1}])
def test_a_training_begins_where_another_of_the_same_meaning_has_led(
    setting: dict[str, Any],
) -> None:
    first, second = built(sac), built(sac, seed=2)
    trained(first, 0, 30)
    second.init_from(first.policy())
    assert np.array_equal(first.policy()(OBS), second.policy()(OBS))
    with pytest.raises(ValueError, match=f"{next(iter(setting))} is .* there"):
        built(sac, **setting).init_from(first.policy())


def test_a_setting_that_would_do_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="crossq has no setting 'tau'"):
        drl.train("crossq", "Pendulum-v1", tau=0.1)
    assert not hasattr(crossq.Config(), "tau") and tqc.Config().tau == td3.Config().tau == 0.005


# -- what a policy says ---------------------------------------------------------------------------
def policy(kind: ModuleType = sac) -> Any:
    return built(kind).policy()


def test_drawn_actions_are_of_the_space_and_of_their_seed() -> None:
    one = policy()
    assert isinstance(one, GaussianPolicy)
    drawn, again, other = one.sampled(1)(OBS), one.sampled(1)(OBS), one.sampled(2)(OBS)
    assert np.array_equal(drawn, again) and not np.array_equal(drawn, other)
    assert all(one.action_space.contains(action) for action in drawn)
    assert not np.array_equal(one(OBS), drawn)


def test_predict_draws_where_it_is_asked_to() -> None:
    one = policy()
    assert np.array_equal(one.predict(OBS)[0], one(OBS))
    first, second = (one.predict(OBS, deterministic=False)[0] for _ in range(2))
    assert not np.array_equal(first, second) and not np.array_equal(first, one(OBS))


def test_a_drawn_policy_has_the_value_of_the_most_probable_action() -> None:
    """And to ask it draws nothing."""
    one = policy()
    asked, left = one.sampled(1), one.sampled(1)
    assert np.array_equal(asked.value(OBS), one.value(OBS))
    assert np.array_equal(asked(OBS), left(OBS))


def test_log_probabilities_of_the_environment_s_actions() -> None:
    """Shares of drawn actions in a cell of the space are its density."""
    one, many = policy(), 20_000
    drawn = one.sampled(1)(np.repeat(OBS[:1], many, axis=0))
    middle, width = np.float32([1.3, 0.4]), 0.5
    share = (np.abs(drawn - middle) < width / 2).all(axis=1).mean()
    density = np.exp(one.log_prob(OBS[0], middle))
    assert share == pytest.approx(density * (width / 3) ** 2, rel=0.15)
    assert one.log_prob(OBS, one(OBS)).shape == (5,)


def test_q_is_of_the_environment_s_actions_and_rewards() -> None:
    one = policy()
    assert np.allclose(one.q(OBS, one(OBS)), one.value(OBS), atol=1e-5)
    assert one.q(OBS[0], one(OBS[0])) == pytest.approx(float(one.value(OBS[:1])[0]), abs=1e-5)
    for ask in (one.q, one.log_prob):
        with pytest.raises(UserError, match=r"actions of shape \(3, 2\) for 5 observations"):
            ask(OBS, one(OBS)[:3])


def test_td3_has_no_probabilities() -> None:
    with pytest.raises(UserError, match="no probabilities"):
        policy(td3).sampled(1)


# -- the ladder, its actions as numbers ------------------------------------------------------------
@pytest.mark.parametrize("name", ["sac", "td3", pytest.param("tqc", marks=pytest.mark.slow)])
def test_the_ladder_is_climbed(name: str) -> None:
    report = climb(find_row(name))
    assert not report.diagnosis
    skipped = {finding.name for finding in report.findings if finding.mark != "ok"}
    assert skipped == {"action masks", "memory"}


def test_a_fault_is_found_on_its_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bootstrapped through termination: the two steps are worth γ(1 + γ/(1 − γ)) and more."""
    right = targets.soft_target

    def through(batch: Batch, *rest: Any) -> Any:
        return right(batch._replace(discount=0 * batch.discount + np.float32(0.6)), *rest)

    monkeypatch.setattr(targets, "soft_target", through)
    report = climb(find_row("sac"))
    assert report.diagnosis.startswith("constant reward: the target bootstraps through termination")
