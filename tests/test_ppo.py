"""PPO and A2C: the gradient of their whole loss, phases, what is kept, the ladder of probes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from shell import ROOT, Shell, killed_and_resumed, used

import drl
from agents.memory.minibatches import minibatches
from agents.ppo.agent import PPO
from agents.ppo.build import build_a2c, build_ppo
from agents.ppo.config import A2CConfig, PPOConfig
from agents.ppo.phase import Rows
from agents.row import find_row
from agents.setup import Setup
from drl.api.ladder import climb
from drl.environment import Step
from drl.errors import UserError
from drl.nn.gradcheck import numerical_gradient, relative_error

SPACES = {
    "discrete": Discrete(3, start=2),
    "several": MultiDiscrete([2, 3]),
    "bits": MultiBinary(3),
    "numbers": Box(-2.0, 4.0, (2,), np.float32),
}
SMALL = PPOConfig(n_steps=4, batch_size=6, n_epochs=2, hidden=(5,), ent_coef=0.05, policy_gain=0.5,
                  clip_range_vf=0.3)  # fmt: skip


def setup(space: Any, num_envs: int = 3, **more: Any) -> Setup:
    return Setup(Box(-9, 9, (4,), np.float32), space, num_envs, **more)


def ppo(space: Any, config: PPOConfig = SMALL, **more: Any) -> PPO:
    return build_ppo(config, setup(space, **more))


def fill(agent: PPO, seed: int = 1) -> None:
    """A whole rollout of random observations and rewards, with ends of both kinds."""
    rng, envs = np.random.default_rng(seed), agent.rollout.num_envs
    obs = rng.normal(size=(envs, 4)).astype(np.float32)
    while not agent.rollout.full:
        action = agent.act(obs, 0)
        after, final = rng.normal(size=(2, envs, 4)).astype(np.float32)
        ends = rng.random((2, envs)) < 0.3
        step = Step(after, rng.normal(size=envs), *ends, final)
        agent.observe(obs, action, step)
        obs = after


# -- the gradient ---------------------------------------------------------------------------------
def loss(agent: PPO, batch: Rows, clip: float) -> float:
    """L_π + c_V L_V − c_H H, from what `gradient` says of each."""
    policy, value, entropy = agent.gradient(batch, clip)
    whole = policy.loss() + agent.vf_coef * value.loss() - agent.ent_coef * entropy.mean()
    return float(whole)


@pytest.mark.parametrize("settings", [{}, {"shared": True}, {"squash": True}])
@pytest.mark.parametrize("space", SPACES)
def test_the_whole_gradient_against_differences(space: str, settings: Any) -> None:
    agent = ppo(SPACES[space], replace(SMALL, **settings), dtype="float64", backend="numpy")
    fill(agent)
    batch = agent.prepared()
    agent.net.params[:] += 0.05 * np.random.default_rng(2).normal(size=agent.net.size)
    agent.gradient(batch, 0.2)
    analytic = agent.net.grads.copy()
    numeric = numerical_gradient(lambda: loss(agent, batch, 0.2), agent.net.params)
    assert relative_error(analytic, numeric) < 1e-7


@pytest.mark.parametrize("space", SPACES)
def test_both_libraries_learn_the_same(space: str) -> None:
    pytest.importorskip("torch")
    agents = [ppo(SPACES[space], dtype="float64", backend=name) for name in ("numpy", "torch")]
    for agent in agents:
        fill(agent)
        while agent.due(0):
            agent.learn()
    one, other = (agent.ops.numpy(agent.net.params) for agent in agents)
    assert agents[0].updates == 4 and np.allclose(one, other, atol=1e-10)


# -- a rollout and its epochs ---------------------------------------------------------------------
def test_before_the_first_step_the_policy_is_the_one_that_acted() -> None:
    """log π of the rollout comes from another pass than the minibatch's: r is 1 to rounding."""
    agent = ppo(SPACES["numbers"])
    fill(agent)
    batch = agent.prepared()
    policy, value, _ = agent.gradient(batch, 0.2)
    assert np.abs(policy.log_ratio).max() < 1e-6
    known = agent.policy().value(batch.s)
    assert np.allclose(batch.value, known, atol=1e-6)


def test_true_successors_reach_the_advantages() -> None:
    """One step with λ = 0: A = r + γ (1 − terminated) V(final_obs) − V(s), whatever came next."""
    agent = ppo(SPACES["discrete"], replace(SMALL, n_steps=1, gae_lambda=0.0))
    obs, after, final = np.random.default_rng(1).normal(size=(3, 3, 4)).astype(np.float32)
    agent.act(obs, 0)
    terminated, truncated = np.array([True, False, False]), np.array([False, True, False])
    final[2] = after[2]  # nothing ended there
    reward = np.array([1.0, 2.0, 3.0])
    agent.observe(obs, np.zeros(3), Step(after, reward, terminated, truncated, final))
    value = agent.policy().value
    known = reward + agent.gamma * ~terminated * value(final) - value(obs)
    assert np.allclose(agent.prepared().advantage, known, atol=1e-6)


def test_every_epoch_goes_through_all_rows_once() -> None:
    drawn = list(minibatches(10, 4, 3, np.random.default_rng(0)))
    assert [(epoch, len(rows)) for epoch, rows in drawn if rows is not None] == [
        (epoch, size) for epoch in range(3) for size in (4, 4, 2)
    ]
    orders = [np.concatenate([rows for e, rows in drawn if e == epoch]) for epoch in range(3)]  # type: ignore[misc]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert orders[0].tolist() != orders[1].tolist() != list(range(10))
    rng = np.random.default_rng(0)
    assert list(minibatches(10, 64, 2, rng)) == [(0, None), (1, None)]  # nothing is drawn
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_a_rollout_is_done_with_after_its_epochs() -> None:
    agent = ppo(SPACES["discrete"])  # 12 rows, 2 epochs of 6
    assert not agent.due(0)
    fill(agent)
    updates = []
    while agent.due(0):
        updates.append(agent.learn())
    assert [u.number for u in updates] == [1, 2, 3, 4] and agent.rollouts == 1
    assert agent.rollout.filled == 0 and agent.whole_steps(25) == 36 and agent.whole_steps(24) == 24
    assert len(updates[-1].seen.seen) == 4  # the last one tells of all


def test_a_policy_that_has_moved_too_far_ends_the_rollout() -> None:
    agent = ppo(SPACES["discrete"], replace(SMALL, lr=0.5, target_kl=0.01, n_epochs=50))
    fill(agent)
    while agent.due(0):
        agent.learn()
    assert agent.updates < 20 and agent.rollout.filled == 0


def test_schedules_go_by_the_env_steps_that_were_learnt_from() -> None:
    config = replace(SMALL, lr=0.3, lr_end=0.0, clip_range=0.2, clip_range_end=0.1, anneal_steps=48)
    agent = ppo(SPACES["discrete"], config)
    seen = []
    for n in range(5):
        fill(agent, n)
        while agent.due(0):
            learnt = agent.learn().seen
        seen.append((learnt.lr, learnt.seen[-1].clip))
    assert np.allclose(seen, [(0.3, 0.2), (0.225, 0.175), (0.15, 0.15), (0.075, 0.125), (0, 0.1)])


def test_a2c_is_one_step_on_the_whole_rollout() -> None:
    agent = build_a2c(A2CConfig(n_steps=4), setup(SPACES["discrete"]))
    fill(agent)
    batch = agent.prepared()
    update = agent.learn()
    assert not agent.due(0) and update.number == 1
    (seen,) = update.seen.seen
    assert np.allclose(seen.policy.d_log_prob, -batch.advantage / 12)
    assert "train/clip_fraction" not in update.metrics()


# -- actions --------------------------------------------------------------------------------------
@pytest.mark.parametrize("space", SPACES)
def test_actions_are_the_environment_s(space: str) -> None:
    own = SPACES[space]
    agent = ppo(own)
    obs = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    for actions in (agent.act(obs, 0), agent.policy()(obs)):
        assert actions.shape == (3, *own.shape) and actions.dtype == own.dtype
        assert all(own.contains(action) for action in actions)


def test_what_a_policy_chose_is_learnt_from_not_what_the_environment_got() -> None:
    """Outside its bounds a sample is clipped for the environment; log π is of the sample."""
    agent = ppo(SPACES["numbers"], replace(SMALL, log_std_init=2.0))
    fill(agent)
    kept = agent.rollout.action
    assert np.abs(kept).max() > 1.5


def test_masks_of_switches() -> None:
    """Two truth values for each: may it be 0, may it be 1."""
    agent = ppo(SPACES["bits"])
    mask = np.array([[1, 0, 0, 1, 1, 1]] * 3, bool)
    obs = np.zeros((3, 4), np.float32)
    while not agent.rollout.full:
        action = agent.act(obs, 0, mask)
        assert (action[:, :2] == [0, 1]).all()
        agent.observe(obs, action, Step(obs, np.ones(3), *np.zeros((2, 3), bool), obs))
    while agent.due(0):
        agent.learn()
    assert (agent.policy()(obs, mask)[:, :2] == [0, 1]).all() and np.isfinite(
        agent.net.params
    ).all()


def test_squashed_actions_are_within_their_bounds() -> None:
    agent = ppo(SPACES["numbers"], replace(SMALL, squash=True, log_std_init=2.0))
    fill(agent)
    kept = agent.rollout.action
    assert np.abs(kept).max() > 1.5  # what lies behind tanh
    while agent.due(0):
        agent.learn()
    obs = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
    policy = agent.policy()
    drawn = policy.sampled(1)(obs)
    assert (np.abs((drawn - 1) / 3) <= 1).all()
    assert np.isfinite(policy.log_prob(obs, drawn)).all()
    with pytest.raises(UserError, match="squash.* is for actions that are bounded"):
        ppo(Box(-np.inf, np.inf, (2,), np.float32), replace(SMALL, squash=True))


def test_masks_forbid() -> None:
    agent = ppo(SPACES["discrete"], replace(SMALL, n_steps=50, ent_coef=0.1))
    mask = np.array([[True, False, True], [False, True, False], [True, True, True]])
    obs = np.zeros((3, 4), np.float32)
    while not agent.rollout.full:
        action = agent.act(obs, 0, mask)
        assert mask[range(3), action - 2].all()
        agent.observe(obs, action, Step(obs, np.ones(3), *np.zeros((2, 3), bool), obs))
    while agent.due(0):
        agent.learn()
    assert mask[range(3), agent.policy()(obs, mask) - 2].all()
    assert np.isfinite(agent.net.params).all()


# -- what is kept ---------------------------------------------------------------------------------
@pytest.mark.parametrize("space", SPACES)
def test_it_goes_on_from_its_state_to_the_same_bytes(space: str) -> None:
    def go_on(agent: PPO) -> np.ndarray:
        for seed in (5, 6):
            fill(agent, seed)
            while agent.due(0):
                agent.learn()
        params: np.ndarray = agent.net.params.copy()
        return params

    first = ppo(SPACES[space])
    fill(first)
    while first.due(0):
        first.learn()
    obs = np.zeros((3, 4), np.float32)
    first.observe(obs, first.act(obs, 0), Step(obs, np.ones(3), *np.zeros((2, 3), bool), obs))
    second = ppo(SPACES[space], seed=9)
    second.load_state(first.state())
    assert np.array_equal(go_on(first), go_on(second))


@pytest.mark.parametrize("name", ["ppo", "a2c"])
def test_killed_it_goes_on_to_the_same_bytes_and_everything_works_on_it(
    name: str, tmp_path: Path
) -> None:
    shell = Shell(ROOT, tmp_path / "runs")
    killed_and_resumed(shell, name, "24000")
    used(shell, name)
    assert "every byte is the same" in shell.drl("verify", "whole")[0]


def test_a_training_begins_where_another_has_led(tmp_path: Path) -> None:
    known: dict[str, Any] = {"progress": False, "normalise_obs": True, "normalise_reward": True}
    first = drl.train("ppo", "drl/Pendulum-v1", steps=4_096, run=tmp_path / "run", **known)
    still = {"n_steps": 8, "num_envs": 1, "n_epochs": 1, "lr": 1e-12, "lr_end": 0.0}
    again = drl.train(
        "ppo", "drl/Pendulum-v1", steps=8, init_from=tmp_path / "run", **still, **known
    )
    obs = np.random.default_rng(1).normal(0, [0.7, 0.7, 3.0], (5, 3)).astype(np.float32)
    best = drl.load_run(tmp_path / "run").policy()
    assert np.allclose(again.policy(obs), best(obs), atol=1e-5)
    assert first.agent.returns.std == pytest.approx(again.agent.returns.std, rel=0.05)
    with pytest.raises(UserError, match="activation is tanh there, relu here"):
        drl.train("ppo", "drl/Pendulum-v1", init_from=tmp_path / "run", activation="relu", **known)


@pytest.mark.parametrize("name", ["ppo", "a2c"])
def test_a_policy_s_file(name: str, tmp_path: Path) -> None:
    result = drl.train(name, "drl/Catch-v0", steps=512, run=tmp_path, progress=False)
    obs = np.random.default_rng(1).random((5, 10, 5, 1)) < 0.5
    found = drl.load_policy(tmp_path / "checkpoints" / "best.safetensors")
    assert np.array_equal(found(obs), result.policy(obs))
    assert np.array_equal(found.value(obs), result.policy.value(obs))
    if name == "a2c":
        with pytest.raises(UserError, match="`optimizer` cannot change"):
            drl.load_run(tmp_path).resume(steps=1_024, optimizer="adam")


# -- behaviour ------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["ppo", "a2c"])
def test_the_ladder_is_climbed(name: str) -> None:
    report = climb(find_row(name))
    assert not report.diagnosis
    skipped = {finding.name for finding in report.findings if finding.mark != "ok"}
    assert skipped == {"goals"}  # it has no hindsight
    (memory,) = (finding for finding in report.findings if finding.name == "memory")
    assert memory.text.startswith("`recurrent=True`: ")
