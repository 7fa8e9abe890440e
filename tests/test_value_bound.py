"""A bound on the bootstrap: worked by hand, and no other bytes where it never acts."""

import json
import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from made import dqn, step

from agents import DQNConfig
from agents import preset as tuned
from agents.dqn import targets
from agents.dqn.build import value_bound
from agents.dqn.categorical import C51Head
from agents.dqn.config import from_settings
from agents.dqn.heads import QHead
from agents.dqn.quantiles import ImplicitQuantileHead, QuantileHead
from agents.memory.backend import on_backend
from agents.memory.replay import Batch
from drl import train
from drl.cli.train import parse
from drl.errors import UserError
from drl.nn import MLP
from drl.nn.ops import make_ops
from envs.ids import own_class

each_library = pytest.mark.parametrize("library", ["numpy", "torch"])
Q = np.array([[1.0, 2.0], [4.0, 3.0], [0.5, -1.0]])  # online: a row per state
Q_TARGET = np.array([[10.0, 20.0], [30.0, 40.0], [-5.0, 7.0]])


def table(values: np.ndarray, library: str) -> MLP:
    """Q(s, ·) = row s of W, states one-hot."""
    net = MLP(len(values), values.shape[1], hidden=(), bias=False, backend=library, dtype="float64")
    net.params[:] = net.ops.asarray(values.ravel())
    return net


@each_library
def test_values_beyond_the_bound_are_cut_and_all_else_of_the_target_stays(library: str) -> None:
    net, target_net = table(Q, library), table(Q_TARGET, library)
    s = np.eye(3)
    batch = on_backend(
        Batch(s, np.zeros(3), np.ones(3), np.full(3, 0.5), s, np.ones(3), np.arange(3)), net.ops
    )
    bounded = targets.Bounded(targets.double_q_target, -2.0, 25.0)
    target = bounded(QHead(net.ops, 2), net, target_net, batch)
    assert net.ops.numpy(target.z).tolist() == [20.0, 25.0, -2.0]  # of 20, 30, −5
    assert target.r is batch.r and target.discount is batch.discount


@each_library
def test_each_quantile_is_cut_and_c51_is_bound_by_its_atoms(library: str) -> None:
    ops, rng = make_ops(library, "float64"), np.random.default_rng(0)
    z = ops.asarray([[-3.0, 0.0, 1.0, 9.0], [2.0, 3.0, 4.0, 5.0]])
    for head in (QuantileHead(ops, 2, 4), ImplicitQuantileHead(ops, 2, 4, 4, rng)):
        cut = ops.numpy(head.within(z, -1.0, 4.0)).tolist()
        assert cut == [[-1.0, 0.0, 1.0, 4.0], [2.0, 3.0, 4.0, 4.0]]
    assert C51Head(ops, 2, 4, -5.0, 5.0).within(z, -1.0, 4.0) is z


@each_library
def test_an_update_fits_the_cut_target(library: str) -> None:
    """y = 1 + ½ · min(8, 3) = 2.5 where Q = 2: δ = −½, so Q moves by lr · ½."""
    config = DQNConfig(hidden=(), bootstrap="max", gamma=0.5, value_bound=(-3.0, 3.0))
    agent = dqn(config, (1,), actions=1, seed=0, backend=library, precision="float64")
    assert isinstance(agent.bootstrap, targets.Bounded)
    for net, q in ((agent.net, 2.0), (agent.target_net, 8.0)):
        net.params[:] = 0
        net.layers[-1].b[:] = q
    one = np.ones(1)
    batch = Batch(one[:, None], np.zeros(1), one, 0.5 * one, one[:, None], one, np.zeros(1, int))
    learned = agent.learn_from(batch)
    assert agent.ops.numpy(learned.td_error()).tolist() == [-0.5]
    assert agent.ops.numpy(agent.net.grads).tolist() == [-0.5, -0.5]  # ∂L/∂W, ∂L/∂b


@pytest.mark.parametrize("head", ["mean", "qr", "iqn", "c51"])
def test_a_bound_that_never_acts_changes_no_byte(head: Any) -> None:
    def parameters(bound: tuple[float, float] | None) -> bytes:
        config = DQNConfig(hidden=(8,), head=head, batch_size=8, value_bound=bound)
        agent = dqn(config, (3,), num_envs=8)
        rng, no = np.random.default_rng(0), np.zeros(8, bool)
        for _ in range(20):
            s, s_next = rng.normal(size=(2, 8, 3)).astype(np.float32)
            a, r = rng.integers(2, size=8), rng.normal(size=8)
            agent.observe(s, a, step(r, no, no, s_next))
            agent.learn()
        return agent.ops.numpy(agent.net.params).tobytes()

    assert parameters((-1e6, 1e6)) == parameters(None)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_q_that_feeds_on_itself_stays_within_the_bound(library: str) -> None:
    """One state that leads to itself, and pays nothing: from 50 a target network that is copied at
    each update would keep Q at 50 · γ; bounded, the target is at most 2."""
    config = DQNConfig(hidden=(), gamma=1.0, value_bound=(-2.0, 2.0), batch_size=1, lr=0.5)
    agent = dqn(replace(config, lr_end=0.5, tau=1.0), (1,), actions=1, seed=0, backend=library)
    for net in (agent.net, agent.target_net):
        net.params[:] = 0
        net.layers[-1].b[:] = 50.0
    one, no = np.ones((1, 1), np.float32), np.zeros(1, bool)
    agent.observe(one, np.zeros(1, int), step(np.zeros(1), no, no, one))
    for _ in range(200):
        seen = agent.learn().seen
    assert abs(float(agent.ops.numpy(seen.q())[0, 0])) < 2.1


def preset(id: str) -> DQNConfig:
    found = tuned(id)
    assert found is not None
    return found.config  # type: ignore[no-any-return]


def config(**settings: Any) -> DQNConfig:
    return DQNConfig(**({"gamma": 0.9, "bootstrap": "double"} | settings))


def test_the_bound_is_twice_as_far_as_rewards_add_up_to() -> None:
    cartpole = value_bound(preset("CartPole-v1"), 2, own_class("CartPole-v1").reward_range)
    assert cartpole == pytest.approx((-5.0, 10.0))  # 0.025/(1 − 0.995) = 5 can be reached
    bounds = {  # reward range → rewards add up to [.]/0.1, widened by the width
        (0.0, 1.0): (-10.0, 20.0),
        (1.0, 1.0): (-10.0, 20.0),  # an episode's end pays 0 from there
        (-1.0, 0.0): (-20.0, 10.0),
        (-1.0, 3.0): (-50.0, 70.0),
        (2.0, 5.0): (-50.0, 100.0),
    }
    for rewards, expected in bounds.items():
        assert value_bound(config(), 2, rewards) == pytest.approx(expected), rewards
        assert value_bound(config(reward_range=rewards), 2) == pytest.approx(expected)
    half = value_bound(config(reward_scale=0.5), 2, (0.0, 1.0))
    assert half == pytest.approx((-5.0, 10.0))


def test_the_users_range_goes_before_the_environments() -> None:
    assert value_bound(config(reward_range=(0.0, 2.0)), 2, (0.0, 1.0)) == pytest.approx((-20, 40))


def test_clipped_rewards_are_known() -> None:
    assert value_bound(config(reward_clip=1.0), 2) == pytest.approx((-30.0, 30.0))
    assert value_bound(config(reward_clip=1.0), 2, (0.0, 9.0)) == pytest.approx((-10.0, 20.0))


def test_munchausens_bonus_and_entropy_count() -> None:
    """Rewards −1 … 0, a bonus of 0.9 · −1 at least, an entropy of 0.03 ln 3 at most."""
    low, high = -1.9 / 0.1, 0.03 * math.log(3) / 0.1
    bound = value_bound(config(bootstrap="munchausen"), 3, (-1.0, 0.0))
    assert bound == pytest.approx((2 * low - high, 2 * high - low))


def test_no_bound_where_nothing_bounds_the_rewards() -> None:
    assert value_bound(config(), 2) is None
    assert value_bound(config(gamma=1.0), 2, (0.0, 1.0)) is None
    assert value_bound(config(), 2, (0.0, 0.0)) is None
    assert value_bound(config(value_bound=None), 2, (0.0, 1.0)) is None
    agent = dqn(config(), (2,))
    assert agent.bootstrap is targets.double_q_target


def test_a_bound_that_is_given_is_in_the_environments_rewards() -> None:
    assert value_bound(config(value_bound=(-300.0, 200.0), reward_scale=0.5), 2) == (-150.0, 100.0)


@pytest.mark.parametrize("id", ["CartPole-v1", "drl/Catch-v0", "drl/Chain-v0"])
def test_our_environments_keep_to_the_range_that_they_declare(id: str) -> None:
    envs = own_class(id)(num_envs=16, seed=0)
    low, high = envs.reward_range or (math.nan, math.nan)
    rng = np.random.default_rng(0)
    envs.reset()
    rewards = [envs.step(rng.integers(envs.action_space.n, size=16)).reward for _ in range(200)]
    assert np.min(rewards) == low and np.max(rewards) == high  # both are met


def test_train_bounds_by_the_environments_range() -> None:
    settings = {"eval_every": 600, "eval_episodes": 1, "steps": 640, "progress": False}
    agent = train("dqn", "CartPole-v1", **settings).agent
    assert isinstance(agent.bootstrap, targets.Bounded)
    assert (agent.bootstrap.low, agent.bootstrap.high) == pytest.approx((-5.0, 10.0))


@pytest.mark.parametrize(
    "flags",
    [["--value-bound", "-300", "300"], ["--value-bound", "None"], ["--reward-range", "-1", "2"]],
)
def test_flags_and_the_files_of_a_run_keep_them(flags: list[str]) -> None:
    agent = parse("train dqn", ["--env", "CartPole-v1", *flags]).agent
    values = [float(word) for word in flags[1:]] if len(flags) == 3 else None
    assert getattr(agent, flags[0][2:].replace("-", "_")) == (tuple(values) if values else None)
    assert from_settings(json.loads(json.dumps(asdict(agent)))) == agent


@pytest.mark.parametrize("name", ["value_bound", "reward_range"])
@pytest.mark.parametrize(
    "wrong", [(1.0, 0.0), (0.0,), (0.0, 1.0, 2.0), (0.0, math.nan), (0, math.inf)]
)
def test_what_is_no_interval_is_refused_in_one_line(name: str, wrong: Any) -> None:
    with pytest.raises(UserError, match=f"{name}=.* two finite numbers"):
        DQNConfig(**{name: wrong})
    with pytest.raises(UserError, match="value_bound"):
        DQNConfig(value_bound=(1.0, 1.0))  # a bound with nothing inside; equal rewards are fine


def test_files_from_before_the_bound_load_and_are_not_bounded() -> None:
    settings = asdict(preset("CartPole-v1"))
    del settings["value_bound"], settings["reward_range"]
    old = from_settings(settings)
    assert value_bound(old, 2, (1.0, 1.0)) is None
    assert replace(old, value_bound="auto") == preset("CartPole-v1")
