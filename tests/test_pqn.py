"""PQN: the gradient of its loss, its returns, masks, what is kept, the ladder of probes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from shell import ROOT, Shell, killed_and_resumed, used

import drl
from agents.pqn.agent import PQN, Rows
from agents.pqn.build import build_pqn
from agents.pqn.config import PQNConfig
from agents.pqn.loss import squared_td_error
from agents.row import find_row
from agents.setup import Setup
from drl.api.ladder import climb
from drl.environment import Step
from drl.errors import UserError
from drl.nn.gradcheck import numerical_gradient, relative_error
from drl.nn.layer_norm import LayerNorm
from drl.nn.ops import make_ops
from drl.nn.optim import Adam, RAdam
from drl.settings import plain

SPACES = {
    "discrete": Discrete(3, start=2),
    "several": MultiDiscrete([2, 3]),
    "bits": MultiBinary(3),
    "numbers": Box(-2.0, 4.0, (2,), np.float32),
}
SMALL = PQNConfig(n_steps=4, batch_size=6, n_epochs=2, hidden=(5,), epsilon_end=0.5)
KINDS = (Box(-9, 9, (4,), np.float32), Box(0, 9, (5, 5, 2), np.float32))


def pqn(space: Any, config: PQNConfig = SMALL, seen: Any = KINDS[0], **more: Any) -> PQN:
    config = replace(config, discretise=2) if isinstance(space, Box) else config
    return build_pqn(config, Setup(seen, space, 3, **more))


def fill(agent: PQN, seed: int = 1) -> None:
    """A whole rollout of random observations and rewards, with ends of both kinds."""
    rng, envs, shape = np.random.default_rng(seed), 3, agent.net.input_shape
    obs = rng.normal(size=(envs, *shape)).astype(np.float32)
    while not agent.rollout.full:
        action = agent.act(obs, 0)
        after, final = rng.normal(size=(2, envs, *shape)).astype(np.float32)
        ends = rng.random((2, envs)) < 0.3
        agent.observe(obs, action, Step(after, rng.normal(size=envs), *ends, final))
        obs = after


def learn(agent: PQN) -> None:
    while agent.due(0):
        agent.learn()


# -- the gradient ---------------------------------------------------------------------------------
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_loss_by_hand(backend: str) -> None:
    """δ = Q(s, a) − R: 2 − 1 and 5 − 8, so that L = (1 + 9)/4 and ∂L/∂Q = 1/2, −3/2."""
    if backend == "torch":
        pytest.importorskip("torch")
    ops = make_ops(backend, "float64")
    q = ops.asarray(np.array([[2.0, 7.0], [0.0, 5.0]]))
    fit = squared_td_error(ops, q, ops.indices(np.array([0, 1])), ops.asarray(np.array([1.0, 8.0])))
    assert np.allclose(ops.numpy(fit.dq), [[0.5, 0], [0, -1.5]]) and fit.loss() == 2.5


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("seen", KINDS, ids=["vector", "picture"])
def test_the_whole_gradient_against_differences(seen: Any, layer_norm: bool) -> None:
    picture = len(seen.shape) == 3
    config = replace(SMALL, layer_norm=layer_norm, conv="minatar" if picture else None)
    agent = pqn(SPACES["discrete"], config, seen, dtype="float64", backend="numpy")
    assert any(isinstance(layer, LayerNorm) for layer in agent.net.layers) == layer_norm
    fill(agent)
    batch = agent.prepared()
    agent.net.params[:] += 0.05 * np.random.default_rng(2).normal(size=agent.net.size)
    agent.gradient(batch)
    analytic = agent.net.grads.copy()
    numeric = numerical_gradient(lambda: agent.gradient(batch)[0].loss(), agent.net.params)
    assert relative_error(analytic, numeric) < 1e-7


def test_the_whole_gradient_against_autograd() -> None:
    """Written again in torch, returns a constant."""
    torch = pytest.importorskip("torch")
    agent = pqn(SPACES["discrete"], dtype="float64", backend="numpy")
    fill(agent)
    batch = agent.prepared()
    agent.gradient(batch)
    params = torch.tensor(agent.net.params, requires_grad=True)
    W, b, gain, offset, V, c = params.split([20, 5, 5, 5, 15, 3])
    x = torch.tensor(batch.s.astype(np.float64)) @ W.reshape(4, 5) + b
    x = torch.relu(torch.nn.functional.layer_norm(x, (5,), gain, offset))
    q = (x @ V.reshape(5, 3) + c)[range(12), batch.a]
    (0.5 * (q - torch.tensor(batch.returns)) ** 2).mean().backward()
    assert np.allclose(params.grad.numpy(), agent.net.grads, atol=1e-14)


@pytest.mark.parametrize("space", SPACES)
def test_both_libraries_learn_the_same(space: str) -> None:
    pytest.importorskip("torch")
    agents = [pqn(SPACES[space], dtype="float64", backend=name) for name in ("numpy", "torch")]
    for agent in agents:
        fill(agent)
        learn(agent)
    one, other = (agent.ops.numpy(agent.net.params) for agent in agents)
    assert agents[0].updates == 4 and np.allclose(one, other, atol=1e-10)


# -- a rollout and its returns --------------------------------------------------------------------
def one_step(agent: PQN, mask: Any = None, info: Any = None) -> tuple[Rows, list[np.ndarray]]:
    """A rollout of one step in which the first environment terminates, the second is cut; and its
    observations: before, after, final."""
    obs, after, final = np.random.default_rng(1).normal(size=(3, 3, 4)).astype(np.float32)
    final[2] = after[2]  # nothing ended there
    action = agent.act(obs, 0, mask)
    ends = np.array([[True, False, False], [False, True, False]])
    agent.observe(obs, action, Step(after, np.array([1.0, 2, 3]), *ends, final, info or {}))
    return agent.prepared(), [obs, after, final]


def test_true_successors_reach_the_returns() -> None:
    """R = r + γ (1 − terminated) max_a Q(final_obs, a), whatever came next; rewards times their
    factor."""
    agent = pqn(SPACES["discrete"], replace(SMALL, n_steps=1, reward_scale=0.5))
    rows, (_, _, final) = one_step(agent)
    q = agent.ops.numpy(agent.net(final)).max(axis=1)
    assert np.allclose(rows.returns, 0.5 * np.array([1, 2, 3]) + 0.99 * np.array([0, 1, 1]) * q)


def test_the_maximum_is_over_what_the_successor_allows() -> None:
    agent = pqn(SPACES["discrete"], replace(SMALL, n_steps=1))
    before = np.ones((3, 3), bool)
    after = np.array([[1, 1, 1], [1, 1, 1], [0, 1, 0]], bool)
    final = np.array([[1, 1, 1], [0, 0, 1], [0, 1, 0]], bool)
    info = {"action_mask": after, "final_action_mask": final}
    rows, (_, _, obs) = one_step(agent, before, info)
    q = agent.ops.numpy(agent.net(obs))
    assert np.allclose(rows.returns[1:], [2 + 0.99 * q[1, 2], 3 + 0.99 * q[2, 1]])
    assert rows.mask is not None and rows.mask.all()
    assert (q[[1, 2]].max(axis=1) > q[[1, 2], [2, 1]]).any()  # the masks decide


def test_restarted_the_newest_step_keeps_the_mask_of_its_successor() -> None:
    agent = pqn(SPACES["discrete"], replace(SMALL, n_steps=1, gamma=1.0))
    obs = np.random.default_rng(3).normal(size=(3, 4)).astype(np.float32)
    allowed = np.eye(3, dtype=bool)
    action = agent.act(obs, 0, np.ones((3, 3), bool))
    none = np.zeros((2, 3), bool)
    agent.observe(obs, action, Step(obs, np.zeros(3), *none, obs, {"action_mask": allowed}))
    agent.interrupt_episodes()
    assert agent.rollout.truncated.all()
    q = agent.ops.numpy(agent.net(obs))
    assert np.allclose(agent.prepared().returns, q[range(3), range(3)])


def test_masks_forbid() -> None:
    agent = pqn(SPACES["discrete"], replace(SMALL, n_steps=50))
    mask = np.array([[True, False, True], [False, True, False], [True, True, True]])
    obs = np.zeros((3, 4), np.float32)
    while not agent.rollout.full:
        action = agent.act(obs, 0, mask)
        assert mask[range(3), action - 2].all()
        none = np.zeros((2, 3), bool)
        agent.observe(obs, action, Step(obs, np.ones(3), *none, obs, {"action_mask": mask}))
    learn(agent)
    policy = agent.policy()
    assert mask[range(3), policy(obs, mask) - 2].all()
    assert np.allclose(policy.value(obs, mask)[1], policy.q(obs)[1, 1])


# -- actions --------------------------------------------------------------------------------------
@pytest.mark.parametrize("space", SPACES)
def test_actions_are_the_environment_s(space: str) -> None:
    own = SPACES[space]
    agent = pqn(own)
    obs = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    for actions in (agent.act(obs, 0), agent.policy()(obs)):
        assert actions.shape == (3, *own.shape) and actions.dtype == own.dtype
        assert all(own.contains(action) for action in actions)


def test_exploration_goes_by_env_steps() -> None:
    agent = pqn(SPACES["discrete"], replace(SMALL, epsilon_steps=100, epsilon_end=0.0))
    found = [agent.metrics(steps)["rollout/exploration_rate"] for steps in (0, 50, 100, 200)]
    assert np.allclose(found, [1, 0.5, 0, 0])
    obs = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    assert all(np.array_equal(agent.act(obs, 100), agent.policy()(obs)) for _ in range(20))


def test_settings_that_cannot_be() -> None:
    for name, value in {"q_lambda": 1.5, "batch_size": 0, "lr": 0.0, "discretise": 1}.items():
        with pytest.raises(UserError, match=name):
            PQNConfig(**{name: value})
    with pytest.raises(UserError, match="discretise"):
        drl.train("pqn", "drl/Pendulum-v1", steps=8, progress=False)


def test_radam_in_adam_s_place(tmp_path: Path) -> None:
    """Swapped, resumed to the bit, and kept: a run that goes on cannot change it."""
    short = {
        "steps": 128, "num_envs": 2, "n_steps": 16, "batch_size": 16, "hidden": (8,),
        "eval_every": 128, "eval_episodes": 1, "anneal_steps": 1_000, "epsilon_steps": 100,
        "progress": False, "optimizer": "radam",
    }  # fmt: skip
    whole = drl.train("pqn", "CartPole-v1", **short, run=tmp_path / "whole")
    assert type(whole.agent.optimizer) is RAdam
    drl.train("pqn", "CartPole-v1", **short | {"steps": 64}, run=tmp_path / "half")
    half = drl.load_run(tmp_path / "half")
    with pytest.raises(UserError, match="`optimizer` cannot change"):
        half.resume(steps=128, optimizer="adam", progress=False)
    again = half.resume(steps=128, progress=False)
    assert np.array_equal(again.agent.net.params, whole.agent.net.params)
    adam = drl.train("pqn", "CartPole-v1", **short | {"optimizer": "adam"})
    assert type(adam.agent.optimizer) is Adam
    assert not np.array_equal(adam.agent.net.params, whole.agent.net.params)


def test_a_run_from_before_there_was_a_choice_has_adam() -> None:
    row = find_row("pqn")
    old = plain(PQNConfig())
    del old["optimizer"]
    assert row.config_of(old) == PQNConfig(optimizer="adam")


# -- what is kept ---------------------------------------------------------------------------------
@pytest.mark.parametrize("space", SPACES)
def test_it_goes_on_from_its_state_to_the_same_bytes(space: str) -> None:
    config = replace(SMALL, normalise_obs=True, normalise_reward=True)

    def go_on(agent: PQN) -> np.ndarray:
        for seed in (5, 6):
            fill(agent, seed)
            learn(agent)
        params: np.ndarray = agent.net.params.copy()
        return params

    first = pqn(SPACES[space], config)
    fill(first)
    learn(first)
    obs, none = np.zeros((3, 4), np.float32), np.zeros((2, 3), bool)
    first.observe(obs, first.act(obs, 0), Step(obs, np.ones(3), *none, obs))
    second = pqn(SPACES[space], config, seed=9)
    second.load_state(first.state())
    assert np.array_equal(go_on(first), go_on(second))


def test_killed_it_goes_on_to_the_same_bytes_and_everything_works_on_it(tmp_path: Path) -> None:
    shell = Shell(ROOT, tmp_path / "runs")
    killed_and_resumed(shell, "pqn", "24000")
    used(shell, "pqn")
    assert "every byte is the same" in shell.drl("verify", "whole")[0]


def test_a_policy_s_file(tmp_path: Path) -> None:
    known: dict[str, Any] = {"n_steps": 8, "normalise_reward": True, "progress": False}
    result = drl.train("pqn", "drl/Catch-v0", steps=512, run=tmp_path, **known)
    obs = np.random.default_rng(1).random((5, 10, 5, 1)) < 0.5
    found = drl.load_policy(tmp_path / "checkpoints" / "best.safetensors")
    assert np.array_equal(found(obs), result.policy(obs))
    assert np.array_equal(found.value(obs), result.policy.value(obs))
    assert np.array_equal(found.q(obs).max(axis=1), found.value(obs))
    again = drl.train("pqn", "drl/Catch-v0", steps=256, init_from=tmp_path, **known)
    assert again.agent.updates
    with pytest.raises(UserError, match="hidden is"):
        drl.train("pqn", "drl/Catch-v0", init_from=tmp_path, hidden=(7,), **known)


def test_what_is_logged(tmp_path: Path) -> None:
    agent = pqn(SPACES["several"])
    fill(agent)
    while agent.due(0):
        update = agent.learn()
    metrics = update.metrics()
    rows, seen = update.seen.rows, update.seen.seen
    assert metrics["train/target_mean"] == pytest.approx(rows.returns.mean())
    assert metrics["train/loss"] == pytest.approx(np.mean([s.fit.loss() for s in seen]))
    assert metrics["train/n_updates"] == 4 and metrics["q/action_5"].shape == (6,)
    assert {"train/learning_rate", "train/grad_norm", "train/action_gap"} <= metrics.keys()


# -- behaviour ------------------------------------------------------------------------------------
def test_the_ladder_is_climbed() -> None:
    report = climb(find_row("pqn"))
    assert not report.diagnosis
    assert "ok" in {finding.mark for finding in report.findings}
