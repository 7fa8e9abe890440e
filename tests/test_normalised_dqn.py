"""`normalise_obs` and `normalise_reward` of a DQN: as it learns, in its files and exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from made import dqn, setup, step
from trained import SHORT, latest, read, scalars, train

import agents
import drl
from agents import Bounded, DQNConfig, Parts, Setup, build_dqn, q_target
from agents.dqn.build import value_bound
from agents.memory.replay import Batch
from agents.normalisation import EVERY
from drl.encoding import Encoder
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.nn import MLP, Branches, Normalise
from envs.cartpole import CartPole

BOTH = DQNConfig(normalise_obs=True, normalise_reward=True, learning_starts=0, hidden=(8,))


def fed(agent: Any, steps: int, envs: int = 4, seed: int = 0) -> np.ndarray:
    """Observations of a mean of 100 and a deviation of 30, which it has seen."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(100, 30, (steps + 1, envs, *agent.net.input_shape)).astype(np.float32)
    for obs, following in zip(seen[:-1], seen[1:], strict=True):
        r, over = rng.normal(3, 1, envs), rng.random(envs) < 0.1
        agent.observe(obs, np.zeros(envs, int), step(r, over, np.zeros(envs), following))
    return seen[:-1].reshape(-1, *agent.net.input_shape)


# -- learning -------------------------------------------------------------------------------------
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_statistics_of_all_that_was_acted_on_move_into_both_networks(backend: str) -> None:
    agent = dqn(replace(BOTH, normalise_reward=False), (3,), num_envs=4, backend=backend)
    seen = fed(agent, 50)
    assert agent.net.buffers["normalise0.count"] == 0
    agent.learn()
    for net in (agent.net, agent.target_net):
        buffers = net.buffers
        np.testing.assert_allclose(buffers["normalise0.mean"], seen.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(buffers["normalise0.variance"], seen.var(axis=0), rtol=1e-5)
        assert buffers["normalise0.count"] == len(seen)
    kept = agent.replay.s[: len(seen)]  # the memory has them as they were
    assert sorted(kept.tolist()) == sorted(seen.tolist())
    more = fed(agent, 50, seed=1)
    for _ in range(EVERY - 1):
        agent.learn()
    assert agent.net.buffers["normalise0.count"] == len(seen)
    y = agent.policy().q_batch(more)
    agent._move()  # the next `learn` would make them move, and then change the network
    np.testing.assert_allclose(agent.policy().q_batch(more), y, rtol=1e-3, atol=1e-3)
    assert agent.net.buffers["normalise0.count"] == len(seen) + len(more)


def test_rewards_are_in_units_of_the_returns_deviation() -> None:
    """An update with σ = 2 is that of another agent on halved rewards."""
    rng = np.random.default_rng(0)
    batch = Batch(
        rng.normal(size=(64, 3)), rng.integers(2, size=64), rng.normal(size=64),
        np.full(64, 0.99), rng.normal(size=(64, 3)), np.ones(64), np.arange(64),
    )  # fmt: skip
    plain = dqn(DQNConfig(hidden=(8,)), (3,))
    normalised = dqn(DQNConfig(hidden=(8,), normalise_reward=True), (3,))
    assert normalised.returns is not None
    normalised.returns.std = 2.0
    plain.learn_from(batch._replace(r=batch.r / 2))
    normalised.learn_from(batch)
    assert np.array_equal(plain.net.params, normalised.net.params)


def test_values_are_in_the_environments_rewards() -> None:
    config = DQNConfig(normalise_reward=True, reward_scale=0.5, hidden=(8,))
    agent = dqn(config, (3,))
    assert agent.returns is not None
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    agent.returns.std = 4.0  # a reward of 1 is 0.5/4 to the network
    assert agent.unit == agent.policy().unit == 0.125
    np.testing.assert_allclose(agent.policy().q_batch(x), agent.net(x) * 8, rtol=1e-6)


def test_an_outlier_is_cut() -> None:
    agent = dqn(BOTH, (3,), num_envs=4)
    fed(agent, 50)
    agent.learn()
    assert agent.returns is not None
    r = agent.returns.scaled(agent.ops, np.array([1e9, -1e9], np.float32))
    assert r.tolist() == [10, -10]


def test_the_bound_of_values_follows_the_unit() -> None:
    config = replace(BOTH, reward_range=(0.0, 6.0), gamma=0.9)
    agent = dqn(config, (3,), num_envs=4)
    assert isinstance(agent.bootstrap, Bounded) and agent.returns is not None
    assert (agent.bootstrap.low, agent.bootstrap.high) == value_bound(config, 2)
    fed(agent, 50)
    agent.learn()
    sigma = agent.returns.std
    assert sigma > 1
    # rewards within 0 … 6: returns within 0 … 60, the bound from −60 to 120
    assert agent.bootstrap.low == pytest.approx(-60 / sigma)
    assert agent.bootstrap.high == pytest.approx(120 / sigma)
    other = dqn(config, (3,), num_envs=4)
    other.load_state(agent.state())
    assert isinstance(other.bootstrap, Bounded)
    assert other.bootstrap.high == agent.bootstrap.high


def test_the_bound_of_a_target_of_ones_own_stays() -> None:
    own = Bounded(q_target, -3.0, 4.0)
    config = replace(BOTH, reward_range=(0.0, 6.0), gamma=0.9)
    agent = dqn(config, (3,), num_envs=4, parts=Parts(bootstrap=own))
    fed(agent, 50)
    agent.learn()
    assert (own.low, own.high) == (-3, 4)


def test_interrupted_episodes_begin_anew() -> None:
    agent = dqn(BOTH, (3,), num_envs=4)
    fed(agent, 5)
    assert agent.returns is not None and agent.returns.returns.any()
    agent.interrupt_episodes()
    assert not agent.returns.returns.any()


def test_a_network_of_ones_own() -> None:
    config = replace(BOTH, normalise_reward=False)

    def normalising(shape: Any, outputs: int, *, seed: Any) -> MLP:
        return MLP(shape, outputs, (8,), normalise=True, backend="numpy", seed=seed)

    for given in (config, replace(config, normalise_obs=False)):  # the layer says it already
        agent = dqn(given, (3,), num_envs=4, parts=Parts(net=normalising))
        fed(agent, 50)
        agent.learn()
        assert agent.net.buffers["normalise0.count"] == 200

    def other(shape: Any, outputs: int, *, seed: Any) -> MLP:
        return MLP(shape, outputs, (8,), backend="numpy", seed=seed)

    with pytest.raises(ValueError, match=r"needs drl.Normalise\(\)"):
        dqn(config, (3,), parts=Parts(net=other))


# -- which numbers --------------------------------------------------------------------------------
def network(space: Any, **settings: Any) -> Any:
    encoder = Encoder(space)
    about = Setup(encoder.space, spaces.Discrete(2), encoder=encoder, backend="numpy")
    return build_dqn(DQNConfig(normalise_obs=True, **settings), about).net


def normalised(net: Any) -> dict[str, list[bool] | None]:
    return {
        name: None if layer.where is None else layer.where.tolist()
        for name, layer, _ in net.stages()
        if isinstance(layer, Normalise)
    }


MIXED = spaces.Dict({
    "camera": spaces.Box(0, 255, (10, 10, 3), np.uint8),
    "depth": spaces.Box(0, 9, (8, 8, 1), np.float32),
    "goal": spaces.Discrete(3),
    "lamp": spaces.MultiBinary(2),
    "speed": spaces.Box(-9, 9, (2,), np.float32),
})  # fmt: skip


def test_numbers_are_normalised_one_hots_bits_and_bytes_of_pictures_are_not() -> None:
    vector = [False] * 3 + [False] * 2 + [True] * 2  # goal, lamp, speed; pictures come last
    assert normalised(network(MIXED, conv="minatar")) == {
        "branches0.vector.normalise0": vector, "branches0.picture1.normalise0": None
    }  # fmt: skip
    assert normalised(network(MIXED)) == {"normalise0": vector + [False] * 300 + [True] * 64}
    assert normalised(network(spaces.Box(-1, 1, (4,), np.float32))) == {"normalise0": None}
    assert normalised(network(spaces.Box(0, 255, (4,), np.uint8))) == {"normalise0": None}


def test_what_they_are_is_told_by_their_layer_and_what_is_bytes_stands_aside() -> None:
    net = network(MIXED, conv="minatar")
    (joined,) = (layer for layer in net.layers if isinstance(layer, Branches))
    kinds = [type(layer).__name__ for layer in joined.branches["picture0"]]
    assert kinds[:3] == ["Slice", "Scale", "Conv2d"]
    assert "mean and deviation of 2, from none yet" in net.describe()


@pytest.mark.parametrize(
    "space", [spaces.Discrete(5), spaces.MultiBinary(4), spaces.Box(0, 255, (8, 8, 1), np.uint8)]
)
def test_nothing_to_normalise_is_said(space: Any) -> None:
    with pytest.raises(ValueError, match="`normalise_obs` has nothing to normalise"):
        network(space)
    lone = setup((8, 8, 1), np.uint8)
    with pytest.raises(ValueError, match="`normalise_obs` has nothing to normalise"):
        build_dqn(DQNConfig(normalise_obs=True), lone)


# -- files ----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("normalised") / "run"
    train(path, "--steps", "640", "--normalise-obs", "--normalise-reward", "--seed", "3")
    yield path


def observations(count: int = 50) -> np.ndarray:
    unit = np.array([1, 1, 0.1, 1], np.float32)
    x = np.random.default_rng(5).normal(size=(count, 4)) * unit
    return x.astype(np.float32)


def test_policies_keep_the_statistics(run: Path, tmp_path: Path) -> None:
    x, loaded = observations(), drl.load_run(run)
    for which in ("best", "last"):
        policy: Any = loaded.policy(which)
        assert policy.net.buffers["normalise0.count"] > 0 and policy.returns.std != 1
        policy.save(tmp_path / "policy.safetensors")
        again: Any = drl.load_policy(tmp_path / "policy.safetensors")
        assert np.array_equal(again(x), policy(x))
        assert np.array_equal(again.q(x), policy.q(x))
        assert "normalise0" in again.net.describe()


def test_best_and_checkpoint_are_what_the_network_was(run: Path) -> None:
    state = latest(run)["task"]["agent"]
    net = drl.load_run(run).policy("last").net
    assert state["statistics"]["observations"]["count"] >= 0
    for name, buffer in net.buffers.items():
        assert np.array_equal(state["net_buffers"][name], buffer)
        assert np.array_equal(state["target_net_buffers"][name], buffer)


@pytest.mark.parametrize("form", ["npz", "pt", "onnx"])
def test_exports_act_alike(run: Path, form: str, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    x, loaded = observations(), drl.load_run(run)
    exported = loaded.export(tmp_path / f"net.{form}")
    names: dict[str, Any] = {"x": x}
    exec(compile(exported.code, form, "exec"), names)
    y = names["y"] if form != "pt" else names["net"](names["torch"].from_numpy(x)).detach().numpy()
    policy: Any = loaded.policy()
    np.testing.assert_allclose(y, policy.q(x) * policy.unit, rtol=1e-4, atol=1e-5)
    assert np.array_equal(np.asarray(y).argmax(axis=1), policy(x))


def test_evaluations_move_nothing(run: Path) -> None:
    result = drl.train("dqn", "CartPole-v1", steps=128, progress=False, num_envs=8, seed=1,
                       normalise_obs=True, normalise_reward=True, learning_starts=64,
                       eval_every=10_000, log="none")  # fmt: skip
    agent = result.agent
    before = agent.state()
    drl.load_run(run).policy()
    result.task.evaluate()
    after = agent.state()
    for name in ("observations", "returns"):
        for of, value in before["statistics"][name].items():
            assert np.array_equal(value, after["statistics"][name][of])
    assert all(np.array_equal(a, b) for a, b in zip(
        before["net_buffers"].values(), after["net_buffers"].values(), strict=True))  # fmt: skip


def test_a_training_that_begins_with_it_goes_on_with_its_statistics(run: Path) -> None:
    settings: dict[str, Any] = {
        "normalise_obs": True, "normalise_reward": True, "progress": False, "steps": 8,
        "num_envs": 4, "learning_starts": 10_000, "eval_every": 1_000, "log": "none",
    }  # fmt: skip
    best: Any = drl.load_run(run).policy()
    with pytest.warns(match="nothing will be learnt"):
        begun = drl.train("dqn", "CartPole-v1", init_from=run, **settings)
    for net in (begun.agent.net, begun.agent.target_net):
        for name, buffer in best.net.buffers.items():
            assert np.array_equal(net.buffers[name], buffer)
    assert begun.agent.unit == best.unit
    with pytest.raises(UserError, match="normalise_obs is True there, False here"):
        drl.train("dqn", "CartPole-v1", init_from=run, **settings | {"normalise_obs": False})


def test_a_file_without_its_statistics_is_refused_in_one_line(run: Path, tmp_path: Path) -> None:
    drl.load_run(run).policy().save(tmp_path / "policy.safetensors")
    whole = checkpoint.load(tmp_path / "policy.safetensors")
    for missing in ("net_buffers", "returns"):
        state = {name: value for name, value in whole.items() if name != missing}
        checkpoint.save(tmp_path / "cut.safetensors", state)
        with pytest.raises(UserError, match="holds no policy that fits"):
            drl.load_policy(tmp_path / "cut.safetensors")


def test_curves_show_them(run: Path) -> None:
    curves = scalars(run)
    for i in range(4):
        assert len(curves[f"observations/std/{i}"]) > 2
    assert all(0 <= value <= 1 for _, value in curves["observations/cut"])
    assert curves["train/return_std"][-1][1] != 1
    (text,) = [tag for tag in read(run).Tags()["tensors"] if tag.startswith("network")]
    shown = read(run).Tensors(text)[0].tensor_proto.string_val[0].decode()
    assert "normalise0" in shown


def test_the_settings_stay_what_they_are(run: Path) -> None:
    from drl.cli.main import main

    assert main(["resume", str(run), "--steps", "700", "--no-normalise-obs"]) == 2


def test_short_runs_on_torch(tmp_path: Path) -> None:
    args = ["--normalise-obs", "--normalise-reward", "--backend", "torch", "--head", "qr"]
    train(tmp_path / "one", "--steps", "256", *args)
    train(tmp_path / "two", "--steps", "256", *args)
    one, two = (latest(tmp_path / of)["task"]["agent"] for of in ("one", "two"))
    assert np.array_equal(one["net"], two["net"]) and SHORT


class Scaled(CartPole):
    """CartPole whose observations are in other units."""

    factor = 1.0

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return super().observe(rows) * np.float32(self.factor)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the policy")  # has collapsed, is back
@pytest.mark.parametrize("factor", [1e3, 1e-3])
def test_units_do_not_matter(factor: float) -> None:
    """CartPole's preset, whose own factors mean nothing here, solves it in millimetres too."""
    preset = agents.preset("CartPole-v1")
    assert preset is not None
    config = replace(preset.config, normalise_obs=True)
    for seed in (1, 2, 3):
        result = drl.train(
            "dqn", Scaled, config, env_kwargs={"factor": factor}, seed=seed, progress=False,
            experiment=preset.experiment,
        )  # fmt: skip
        assert result.summary["solved"], seed
