"""What a PPO is besides its equations: a test for each row of the table in docs/ppo.md."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from test_ppo import SMALL, SPACES, fill, ppo, setup

import drl
from agents.ppo.build import build_a2c, build_ppo
from agents.ppo.config import A2CConfig, PPOConfig
from agents.ppo.metrics import ppo_metrics
from agents.ppo.presets import FAMILIES, PRESETS, preset
from agents.ppo.setting_up import resolve, warnings
from agents.setup import Setup
from drl.environment import Step
from drl.nn.branches import Branches
from drl.nn.layers import Linear

ROOT = Path(__file__).resolve().parents[1]


def matrices(agent: Any) -> dict[str, np.ndarray]:
    """Every W of the network, by name."""
    return {name: layer.W for name, layer, _ in agent.net.stages() if isinstance(layer, Linear)}


def test_initial_weights_are_orthogonal_with_a_gain_each_and_biases_zero() -> None:
    agent = build_ppo(PPOConfig(hidden=(32, 16)), setup(SPACES["discrete"]))
    sizes = {name: np.linalg.svd(W, compute_uv=False) for name, W in matrices(agent).items()}
    known = [2**0.5, 2**0.5, 0.01, 2**0.5, 2**0.5, 1.0]  # actor, then critic
    assert len(sizes) == 6
    for found, gain in zip(sizes.values(), known, strict=True):
        assert np.allclose(found, gain, rtol=1e-5)
    assert all(not layer.b.any() for _, layer, _ in agent.net.stages() if hasattr(layer, "b"))
    p = agent.policy().probs(np.random.default_rng(1).normal(size=(50, 4)))
    assert np.abs(p - 1 / 3).max() < 0.01  # all actions alike


def test_epsilon_of_adam() -> None:
    assert ppo(SPACES["discrete"]).optimizer.eps == 1e-5  # type: ignore[attr-defined]
    assert build_a2c(A2CConfig(), setup(SPACES["discrete"])).optimizer.eps == 1e-5  # type: ignore[attr-defined]


def test_advantages_are_normalised_within_a_minibatch() -> None:
    agent = ppo(SPACES["discrete"])
    fill(agent)
    batch = agent.minibatch(agent.prepared(), np.arange(6))
    agent.gradient(batch, 0.2)
    first = agent.net.grads.copy()
    agent.gradient(batch._replace(advantage=batch.advantage * 7 + 3), 0.2)
    assert np.allclose(agent.net.grads, first, atol=1e-6)
    plain = ppo(SPACES["discrete"], replace(SMALL, normalise_advantage=False))
    plain.gradient(batch, 0.2)
    assert not np.allclose(plain.net.grads, first, atol=1e-3)


def test_the_gradient_is_cut_over_the_whole_vector() -> None:
    agent = ppo(SPACES["discrete"], replace(SMALL, max_grad_norm=1e-3))
    fill(agent)
    seen = agent.learn_from(agent.prepared(), 1e-3, 0.2)
    assert seen.grad_norm > 1e-2
    assert np.linalg.norm(agent.net.grads) == pytest.approx(1e-3, rel=1e-4)


@pytest.mark.parametrize("shared", [False, True])
def test_actor_and_critic_apart_and_on_one_trunk(shared: bool) -> None:
    """Apart, the value's loss moves none of the policy's weights."""
    agent = ppo(SPACES["discrete"], replace(SMALL, shared=shared))
    heads = agent.net.layers[-1]
    assert isinstance(heads, Branches) and (len(agent.net.layers) == 1) == (not shared)
    fill(agent)
    batch = agent.prepared()
    agent.gradient(batch, 0.2)
    whole = agent.net.grads.copy()
    agent.vf_coef = 0.0
    agent.gradient(batch, 0.2)
    moved = {n for n, span in agent.net.spans.items() if (agent.net.grads != whole)[span].any()}
    assert any("critic" in name for name in moved)
    assert shared == any("critic" not in name for name in moved)


def test_log_sigma_sees_no_observation_and_is_learnt() -> None:
    agent = ppo(SPACES["numbers"], replace(SMALL, log_std_init=-0.5))
    z = agent.policy().actor(np.random.default_rng(1).normal(size=(5, 4)))
    assert np.allclose(z[:, 2:], -0.5) and agent.policy().std() == pytest.approx(np.exp(-0.5))
    fill(agent)
    while agent.due(0):
        agent.learn()
    z = agent.policy().actor(np.random.default_rng(1).normal(size=(5, 4)))
    assert (z[:, 2:] == z[0, 2:]).all() and not np.allclose(z[:, 2:], -0.5)


def test_bytes_are_scaled() -> None:
    space = Box(0, 255, (3,), np.uint8)
    agent = build_ppo(SMALL, Setup(space, Discrete(2)))
    one = agent.policy()
    z = one.actor(np.array([[255, 0, 0]], np.uint8))
    heads = agent.net.layers[-1]
    assert isinstance(heads, Branches)
    first, _, last = heads.branches["actor"]
    known = np.tanh(first.W[0] + first.b) @ last.W + last.b  # type: ignore[attr-defined]
    assert np.allclose(z[0], known, atol=1e-6)


NORMALISED = replace(SMALL, normalise_obs=True, normalise_reward=True)


def far(agent: Any, seed: int) -> None:
    """A rollout of observations about 50 ± 20, and rewards about 3 ± 30."""
    rng, envs = np.random.default_rng(seed), agent.rollout.num_envs
    obs = rng.normal(50, 20, (envs, 4)).astype(np.float32)
    while not agent.rollout.full:
        after = rng.normal(50, 20, (envs, 4)).astype(np.float32)
        ends, no = rng.random(envs) < 0.2, np.zeros(envs, bool)
        action = agent.act(obs, 0)
        agent.observe(obs, action, Step(after, rng.normal(3, 30, envs), ends, no, after))
        obs = after


def test_observations_and_rewards_are_normalised_as_of_the_rollout_s_end() -> None:
    agent = ppo(SPACES["discrete"], NORMALISED)
    obs, rewards = [], []
    for n in range(2):
        far(agent, n)
        obs.append(agent.rollout.obs[:-1].reshape(-1, 4).copy())
        rewards.append(agent.rollout.reward.copy())
        while agent.due(0):
            update = agent.learn()
    seen = np.concatenate(obs)
    means = [b for name, b in agent.net.buffers.items() if name.endswith("mean")]
    assert len(means) == 1 and np.allclose(means[0], seen.mean(axis=0), rtol=1e-6)
    assert agent.returns is not None
    std = agent.returns.std
    assert 10 < std < 100
    # A + V = R is in units of σ: of the last rollout, whose λ-returns are sums of a few rewards
    assert np.abs(update.seen.rows.returns).max() < 10
    known = agent.policy().value(obs[1])
    critic = agent.policy().critic
    assert np.allclose(known, std * critic(obs[1])[:, 0], rtol=1e-5)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("space", ["discrete", "numbers"])
def test_a_policy_does_not_notice_that_statistics_move(space: str, shared: bool) -> None:
    """W and b make up for it: z and V of the newest rollout, before and after."""
    agent = ppo(SPACES[space], replace(NORMALISED, shared=shared))
    for n in range(2):
        far(agent, n)
        while agent.due(0):
            agent.learn()
    far(agent, 5)
    s, params = agent.rollout.obs[0], agent.net.params.copy()
    before = agent.net(s)
    for part in agent.statistics:
        part.move()
    assert np.abs(agent.net.params - params).max() > 1e-3
    assert np.allclose(agent.net(s), before, atol=1e-5)


def test_large_observations_and_rewards_are_cut() -> None:
    agent = ppo(SPACES["discrete"], NORMALISED)
    far(agent, 1)
    while agent.due(0):
        agent.learn()
    huge = np.full((1, 4), 1e6, np.float32)
    assert np.array_equal(agent.policy().value(huge), agent.policy().value(huge * 10))
    far(agent, 2)
    agent.rollout.reward[:] = 1e9
    assert np.abs(agent.prepared().returns).max() < 10 / (1 - 0.99 * 0.95)


def test_normalisation_goes_where_the_policy_goes(tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = drl.train("ppo", "drl/Pendulum-v1", steps=4_096, run=run, normalise_obs=True,
                       normalise_reward=True, progress=False)  # fmt: skip
    obs = np.random.default_rng(1).normal(0, [0.7, 0.7, 3.0], (5, 3)).astype(np.float32)
    again = drl.load_run(run).policy("last")
    assert np.array_equal(again(obs), result.policy(obs))
    assert np.array_equal(again.value(obs), result.policy.value(obs))
    net = again.deterministic_net()
    mean = np.clip(net.ops.numpy(net(obs)), -1, 1) * 2
    assert np.allclose(mean, result.policy(obs), atol=1e-5)


def test_what_is_logged() -> None:
    """Stable-Baselines3's names, and their meaning by hand."""
    agent = ppo(SPACES["numbers"], replace(SMALL, n_epochs=3, lr=0.05))
    fill(agent)
    while agent.due(0):
        update = agent.learn()
    found, learnt = update.metrics(), update.seen
    names = "approx_kl clip_fraction clip_range entropy_loss explained_variance learning_rate "
    names += "loss n_updates policy_gradient_loss std value_loss"
    assert {f"train/{name}" for name in names.split()} <= found.keys()
    ratios = [np.exp(seen.policy.log_ratio) for seen in learnt.seen]
    share = np.mean([(np.abs(r - 1) > 0.2).mean() for r in ratios])
    assert found["train/clip_fraction"] == pytest.approx(share) and share > 0
    kl = np.mean([(r - 1 - np.log(r)).mean() for r in ratios[-2:]])  # of the last epoch
    assert found["train/approx_kl"] == pytest.approx(kl, rel=1e-3) and kl > 0
    rows = learnt.rows
    explained = 1 - np.var(rows.returns - rows.value) / np.var(rows.returns)
    assert found["train/explained_variance"] == pytest.approx(explained)
    assert found["train/n_updates"] == 6 and found["train/clip_range"] == 0.2
    assert found["train/std"] == agent.policy().std()
    entropy = np.mean([seen.entropy.mean() for seen in learnt.seen])
    assert found["train/entropy_loss"] == pytest.approx(-entropy)
    whole = found["train/policy_gradient_loss"] + 0.5 * found["train/value_loss"] - 0.05 * entropy
    assert found["train/loss"] == pytest.approx(whole)
    assert found.keys() == ppo_metrics(agent, learnt).keys()  # asked again, told again


def test_what_has_no_end_stays() -> None:
    agent = ppo(SPACES["discrete"], replace(SMALL, lr=0.3, clip_range=0.4))
    assert agent.lr(10**6) == 0.3 and agent.clip(10**6) == 0.4
    config = replace(SMALL, lr_end=0.0)
    complete, lines = resolve(config, setup(SPACES["discrete"], steps=5_000))
    assert complete.anneal_steps == 5_000
    assert lines == ["schedules: `lr` over 5,000 env steps, all of the run"]
    assert resolve(SMALL, setup(SPACES["discrete"]))[1] == []


def test_steps_are_whole_rollouts(tmp_path: Path) -> None:
    result = drl.train("ppo", "drl/Catch-v0", steps=1_000, n_steps=16, num_envs=5, batch_size=16,
                       progress=False)  # fmt: skip
    assert result.env_steps == 1_040 and result.agent.rollouts == 13


@pytest.mark.parametrize("env", [*PRESETS, *FAMILIES])
def test_presets_have_whole_minibatches_and_rollouts_that_end(env: str) -> None:
    config, experiment = preset(env if env in PRESETS else f"{env}Breakout-v5")  # type: ignore[misc]
    rows = config.n_steps * experiment.num_envs
    assert not warnings(config, experiment) and rows <= experiment.steps / 10


# -- the table ------------------------------------------------------------------------------------
def test_every_line_and_test_of_the_table_is_there() -> None:
    page = (ROOT / "docs" / "ppo.md").read_text("utf-8")
    named = re.findall(r"`((?:agents|drl|envs|tests)/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 50
    for file, name in named:
        text = (ROOT / file).read_text("utf-8")
        assert not name or re.search(rf"(def|class) {name}\b|^{name}\b", text, re.M), (file, name)
