"""The TD target, with numbers worked by hand."""

from typing import Any

import numpy as np
import pytest
from made import policy, step

from agents import DQNConfig
from agents.dqn import targets
from agents.dqn.agent import DQN
from agents.dqn.heads import QHead
from agents.exploration import EpsilonGreedy
from agents.memory.backend import on_backend
from agents.memory.nstep import NStep
from agents.memory.replay import Batch, ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage
from agents.memory.units import RewardUnits
from drl import train
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


def agent(backend: str, bootstrap: targets.TargetFunction, **settings: Any) -> DQN:
    net, target_net = table(Q, backend), table(Q_TARGET, backend)
    rng = np.random.default_rng(0)
    made = DQN(
        net, target_net, QHead(net.ops, 2), SGD(net, lr=1.0),
        NStep(
            ReplayBuffer(8, 2, ArrayStorage((3,), np.float64), UniformSampler(8, 2, rng)),
            1, 0.5, num_envs=3,
        ),
        EpsilonGreedy(Constant(0.0), 2, rng), rng, bootstrap, lambda env_steps: 0,
        policy(DQNConfig(hidden=()), (3,)), lambda agent, seen: {}, **settings,
    )  # fmt: skip
    target_net.params[:] = target_net.ops.asarray(Q_TARGET.ravel())  # DQN starts with a copy
    return made


def batch_of(**arrays: Any) -> Batch:
    """A batch of three without masks; what else is not said is 1."""
    whole = {name: np.ones(3) for name in Batch._fields} | {"rows": np.arange(3)}
    whole |= Batch._field_defaults
    return Batch(**(whole | {name: np.asarray(array) for name, array in arrays.items()}))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_bootstraps(backend: str) -> None:
    net, target_net = table(Q, backend), table(Q_TARGET, backend)
    head, ops = QHead(net.ops, 2), net.ops
    batch = on_backend(batch_of(s=np.eye(3), a=[0, 1, 0], s_next=np.eye(3)), ops)
    # DQN: the largest of each row of Q_TARGET
    target = targets.q_target(head, net, target_net, batch)
    assert ops.numpy(target.z).tolist() == [20, 40, 7]
    assert target.r is batch.r and target.discount is batch.discount
    # Double: the online rows choose actions 1, 0, 0; the target values them 20, 30, −5
    target = targets.double_q_target(head, net, target_net, batch)
    assert ops.numpy(target.z).tolist() == [20, 30, -5]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_munchausen_by_hand(backend: str) -> None:
    net, target_net = (
        table(Q, backend),
        table(np.log([[3.0, 1.0], [1.0, 1.0], [1.0, 7.0]]), backend),
    )
    head, ops = QHead(net.ops, 2), net.ops
    batch = on_backend(
        batch_of(s=np.eye(3), a=[0, 1, 0], r=[1.0, 2.0, 3.0], discount=[0.5, 0.5, 0.0],
                 s_next=np.eye(3)[[1, 2, 0]]), ops,
    )  # fmt: skip
    target = targets.Munchausen(alpha=0.5, temperature=1.0, low=-1.0)(head, net, target_net, batch)
    # τ = 1: π = softmax(Q⁻): rows (¾, ¼), (½, ½), (⅛, ⅞); log π(a|s) = log ¾, log ½, log ⅛ → −1
    bonus = 0.5 * np.array([np.log(0.75), np.log(0.5), -1.0])
    # entropies at s′ = 1, 2, 0
    H = np.log(2), -(np.log(1 / 8) / 8 + 7 * np.log(7 / 8) / 8), 0.0
    r = np.array([1, 2, 3]) + bonus + [0.5 * H[0], 0.5 * H[1], 0.0]
    assert np.allclose(ops.numpy(target.r), r, rtol=1e-12)
    # Σ π Q⁻ at s′
    z = [0.0, 7 * np.log(7) / 8, 0.75 * np.log(3)]
    assert np.allclose(ops.numpy(target.z), z, rtol=1e-12)


def test_a_cold_munchausen_is_dqn() -> None:
    """τ → 0: π is all on the best action, whose log π is 0; the bonus is α·l₀ elsewhere."""
    net, target_net = table(Q, "numpy"), table(Q_TARGET, "numpy")
    head = QHead(net.ops, 2)
    batch = batch_of(s=np.eye(3), a=[1, 1, 1], s_next=np.eye(3))
    cold = targets.Munchausen(temperature=1e-3)(head, net, target_net, batch)
    plain = targets.q_target(head, net, target_net, batch)
    assert np.allclose(cold.z, plain.z) and np.allclose(cold.r, plain.r)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_one_update_by_hand(backend: str) -> None:
    dqn = agent(backend, targets.q_target, target_period=1, tau=0.25)
    batch = Batch(
        s=np.eye(3)[[0, 1]], a=np.array([1, 0]), r=np.array([1.0, 3.5]),
        discount=np.array([0.5, 0.0]),  # the second is terminal: γ(1 − terminated) = 0
        s_next=np.eye(3)[[2, 0]], weight=np.ones(2), rows=np.arange(2),
    )  # fmt: skip
    learned = dqn.learn_from(batch)
    # y = [1 + 0.5·7, 3.5] = [4.5, 3.5];  Q(s, a) = [2, 4];  δ = [−2.5, 0.5]
    assert dqn.ops.numpy(learned.td_error()).tolist() == [-2.5, 0.5]
    # Huber's gradient clips δ to ±1, over the batch of 2: [−0.5, 0.25]; SGD with α = 1 subtracts
    expected = np.array([[1.0, 2.5], [3.75, 3.0], [0.5, -1.0]])
    assert dqn.ops.numpy(dqn.net.params).reshape(3, 2).tolist() == expected.tolist()
    # θ⁻ ← θ⁻ + 0.25 (θ − θ⁻), with the new θ
    moved = Q_TARGET + 0.25 * (expected - Q_TARGET)
    assert np.allclose(dqn.ops.numpy(dqn.target_net.params).reshape(3, 2), moved, atol=1e-15)


def test_truncation_bootstraps_and_termination_does_not() -> None:
    dqn = agent("numpy", targets.q_target)
    s = np.eye(3)
    terminated = np.array([True, False, False])
    truncated = np.array([False, True, False])
    dqn.observe(s, np.zeros(3, int), step(np.ones(3), terminated, truncated, s))
    assert dqn.replay.discount[:3].tolist() == [0.0, 0.5, 0.5]


def test_hard_target_copies_every_period() -> None:
    dqn = agent("numpy", targets.q_target, target_period=3, tau=1.0)
    s = np.eye(3)
    dqn.observe(s, np.zeros(3, int), step(np.ones(3), [1, 1, 1], [0, 0, 0], s))
    for update in range(1, 7):
        dqn.learn()
        same = np.array_equal(dqn.net.params, dqn.target_net.params)
        assert same == (update % 3 == 0)


def test_reward_scale_scales_the_stored_reward() -> None:
    dqn = agent("numpy", targets.q_target, in_units=RewardUnits(0.25))
    s = np.eye(3)
    dqn.observe(s, np.zeros(3, int), step(np.full(3, 2.0), [0, 0, 0], [0, 0, 0], s))
    assert dqn.replay.reward[:3].tolist() == [0.5, 0.5, 0.5]


def test_weights_count_in_the_gradient() -> None:
    for weight in (0.25, 1.0):
        dqn = agent("numpy", targets.q_target)
        batch = batch_of(s=np.eye(3), a=[0, 0, 0], r=[1.5, 3.5, 0.0], discount=[0, 0, 0],
                         s_next=np.eye(3), weight=[weight, 1.0, 1.0])  # fmt: skip
        dqn.learn_from(batch)
        # δ = −½, ½, ½; the first moves by weight/6
        moved = dqn.net.params.reshape(3, 2)[:, 0] - Q[:, 0]
        assert np.allclose(moved, [weight / 6, -1 / 6, -1 / 6])


def test_rewards_are_clipped_after_scaling() -> None:
    dqn = agent("numpy", targets.q_target, in_units=RewardUnits(0.5, 1.0))
    s = np.eye(3)
    r = np.array([1.0, 9.0, -9.0])
    dqn.observe(s, np.zeros(3, int), step(r, [0, 0, 0], [0, 0, 0], s))
    assert dqn.replay.reward[:3].tolist() == [0.5, 1.0, -1.0]


@pytest.mark.parametrize("her", [False, True])
def test_agent_and_memory_have_one_unit(her: bool) -> None:
    """Hindsight asks for rewards anew: in the unit in which the agent remembers those paid."""
    for name, more in (("dqn", {"reward_clip": 0.5}), ("sac", {})):
        env = "drl/BitFlip-v0" if name == "dqn" else "drl/Reach-v0"
        agent = train(
            name, env, steps=32, num_envs=4, learning_starts=16, batch_size=8, buffer_size=64,
            hidden=(4,), her=her, reward_scale=0.25, eval_episodes=1, progress=False, **more,
        ).agent  # fmt: skip
        assert agent.in_units == RewardUnits(0.25, more.get("reward_clip", np.inf))
        assert not her or agent.replay.goals.unit is agent.in_units
