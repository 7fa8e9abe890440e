"""The TD target, with numbers worked by hand."""

import numpy as np
import pytest

from agents import targets
from agents.dqn import DQN
from agents.exploration import EpsilonGreedy
from agents.nstep import NStep
from agents.replay import Batch, Replay
from drl.nn import MLP
from drl.nn.optim import SGD
from drl.nn.schedules import Constant

Q = np.array([[1.0, 2.0], [4.0, 3.0], [0.5, -1.0]])  # online, one row per state
Q_TARGET = np.array([[10.0, 20.0], [30.0, 40.0], [-5.0, 7.0]])  # target network


def table(values: np.ndarray, backend: str) -> MLP:
    """A network that is a table: one-hot states, Q(s, ·) = row s of W."""
    net = MLP(len(values), values.shape[1], hidden=(), bias=False, backend=backend, dtype="float64")
    net.params[:] = net.ops.asarray(values.ravel())
    return net


def agent(backend: str, bootstrap: targets.Bootstrap, **settings: float) -> DQN:
    net, target_net = table(Q, backend), table(Q_TARGET, backend)
    made = DQN(
        net, target_net, SGD(net, lr=1.0),
        NStep(Replay(8, (3,), np.float64, 2, np.random.default_rng(0)), 1, 0.5, num_envs=3),
        EpsilonGreedy(Constant(0.0), 2, np.random.default_rng(0)), bootstrap,
        **settings,
    )  # fmt: skip
    target_net.params[:] = target_net.ops.asarray(Q_TARGET.ravel())  # DQN starts with a copy
    return made


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_bootstraps(backend: str) -> None:
    net, target_net = table(Q, backend), table(Q_TARGET, backend)
    s_next = net.ops.asarray(np.eye(3))
    # DQN: the largest of each row of Q_TARGET
    assert net.ops.numpy(targets.maximum(net, target_net, s_next)).tolist() == [20, 40, 7]
    # Double: the online rows choose actions 1, 0, 0; the target values them 20, 30, −5
    assert net.ops.numpy(targets.double(net, target_net, s_next)).tolist() == [20, 30, -5]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_one_update_by_hand(backend: str) -> None:
    dqn = agent(backend, targets.maximum, target_period=1, tau=0.25)
    batch = Batch(
        s=np.eye(3)[[0, 1]], a=np.array([1, 0]), r=np.array([1.0, 3.5]),
        discount=np.array([0.5, 0.0]),  # the second is terminal: γ(1 − terminated) = 0
        s_next=np.eye(3)[[2, 0]],
    )  # fmt: skip
    learned = dqn.learn_from(batch)
    # y = [1 + 0.5·7, 3.5] = [4.5, 3.5];  Q(s, a) = [2, 4];  δ = [−2.5, 0.5]
    assert dqn.ops.numpy(learned.td_error).tolist() == [-2.5, 0.5]
    # Huber's gradient clips δ to ±1, over the batch of 2: [−0.5, 0.25]; SGD with α = 1 subtracts
    expected = np.array([[1.0, 2.5], [3.75, 3.0], [0.5, -1.0]])
    assert dqn.ops.numpy(dqn.net.params).reshape(3, 2).tolist() == expected.tolist()
    # θ⁻ ← θ⁻ + 0.25 (θ − θ⁻), with the new θ
    moved = Q_TARGET + 0.25 * (expected - Q_TARGET)
    assert np.allclose(dqn.ops.numpy(dqn.target_net.params).reshape(3, 2), moved, atol=1e-15)


def test_truncation_bootstraps_and_termination_does_not() -> None:
    dqn = agent("numpy", targets.maximum)
    s = np.eye(3)
    terminated = np.array([True, False, False])
    truncated = np.array([False, True, False])
    dqn.observe(s, np.zeros(3, int), np.ones(3), terminated, truncated, s)
    assert dqn.replay.rest[:3, 2].tolist() == [0.0, 0.5, 0.5]


def test_hard_target_copies_every_period() -> None:
    dqn = agent("numpy", targets.maximum, target_period=3, tau=1.0)
    dqn.observe(
        np.eye(3), np.zeros(3, int), np.ones(3), np.ones(3, bool), np.zeros(3, bool), np.eye(3)
    )
    for update in range(1, 7):
        dqn.learn()
        same = np.array_equal(dqn.net.params, dqn.target_net.params)
        assert same == (update % 3 == 0)


def test_reward_scale_scales_the_stored_reward() -> None:
    dqn = agent("numpy", targets.maximum, reward_scale=0.25)
    s = np.eye(3)
    dqn.observe(s, np.zeros(3, int), np.full(3, 2.0), np.zeros(3, bool), np.zeros(3, bool), s)
    assert dqn.replay.rest[:3, 1].tolist() == [0.5, 0.5, 0.5]
