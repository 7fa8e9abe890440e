"""`normalise_obs` of every agent: a picture beside numbers, actors and critics, files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary
from pictured import FILE, PUSHED, Pictured, Pushed
from shell import ROOT, Shell, killed_and_resumed

import drl
from agents.row import find_row
from agents.setup import Setup
from drl.cli.main import main
from drl.encoding import Encoder
from drl.environment import Step
from drl.errors import UserError
from drl.nn import Network, Normalise

DISCRETE, BOX = ("dqn", "ppo", "a2c", "pqn"), ("sac", "td3", "tqc", "crossq")
EVERYONE = (*DISCRETE, *BOX)
ENVS = 4
MIXED = Dict({
    "camera": Box(0, 255, (10, 10, 3), np.uint8),
    "depth": Box(0, 9, (8, 8, 1), np.float32),
    "goal": Discrete(3),
    "lamp": MultiBinary(2),
    "speed": Box(-9, 9, (2,), np.float32),
})  # fmt: skip
VECTOR = [False] * 3 + [False] * 2 + [True] * 2  # goal, lamp, speed; pictures come last
JOINED = {"vector": VECTOR, "picture1": None}  # picture0 is in bytes
SHORT = ["--hidden", "8", "--eval-every", "4000", "--eval-episodes", "1", "--seed", "5",
         "--num-envs", "4", "--checkpoint-every", "200", "--log-to", "csv"]  # fmt: skip
REPLAY = ["--batch-size", "8", "--buffer-size", "500", "--learning-starts", "64",
          "--updates-per-step", "0.25"]  # fmt: skip
OWN = {
    "dqn": REPLAY, "ppo": ["--n-steps", "32"], "a2c": [], "pqn": ["--n-steps", "16"],
    "sac": REPLAY, "td3": REPLAY, "tqc": [*REPLAY, "--quantiles", "5"], "crossq": REPLAY,
}  # fmt: skip


def built(name: str, space: Any = MIXED, **settings: Any) -> Any:
    row, encoder = find_row(name), Encoder(space)
    if name in BOX or name == "dqn":
        settings = {"learning_starts": 0, "batch_size": 6, "buffer_size": 400, **settings}
    config = row.config(**{"hidden": (8,), "normalise_obs": True, **settings})
    actions = Discrete(3) if name in DISCRETE else Box(-2.0, 2.0, (2,), np.float32)
    about = Setup(
        encoder.space, actions, encoder=encoder, backend="numpy", dtype="float64", num_envs=ENVS,
        steps=2_000,
    )  # fmt: skip
    return row.made(config, about)


def networks(agent: Any) -> list[Network]:
    more = [agent.critic_net, *agent.targets.networks] if hasattr(agent, "critic_net") else []
    return [agent.net, *more, *([agent.target_net] if hasattr(agent, "target_net") else [])]


def normalised(net: Network) -> dict[str, list[bool] | None]:
    return {
        name: None if layer.where is None else layer.where.tolist()
        for name, layer, _ in net.stages()
        if isinstance(layer, Normalise)
    }


@pytest.mark.parametrize("name", EVERYONE)
def test_numbers_are_normalised_one_hots_bits_and_bytes_of_pictures_are_not(name: str) -> None:
    """As a DQN does, in each network, and of critics not the actions."""
    for settings, wanted in (
        ({"conv": "minatar"}, JOINED), ({}, {"": [*VECTOR, *[False] * 300, *[True] * 64]})
    ):  # fmt: skip
        nets = networks(built(name, **settings))
        assert len(nets) == {"dqn": 2, "td3": 4, "sac": 3, "tqc": 3, "crossq": 2}.get(name, 1)
        for net in nets:
            found = normalised(net)
            assert found
            for of, where in found.items():
                branch = of.split(".")[-2] if "." in of else ""
                assert where == wanted.get(branch, wanted.get("")), of


def fed(agent: Any, steps: int, seed: int, spread: float = 1.0) -> np.ndarray:
    """Observations of a mean of 100, which it has acted in; all that is due is learnt."""
    made, D = np.random.default_rng(seed), agent.net.input_shape
    seen = made.normal(100, 30 * spread, (steps + 1, ENVS, *D)).astype(np.float32)
    for n, (obs, following) in enumerate(zip(seen[:-1], seen[1:], strict=True)):
        action = agent.act(obs, n * ENVS)
        over = made.random(ENVS) < 0.1
        agent.observe(obs, action, Step(following, made.normal(size=ENVS), over, ~over, following))
        while agent.due((n + 1) * ENVS):
            agent.learn()
    return seen[:-1].reshape(-1, *D)


@pytest.mark.parametrize("conv", [None, "minatar"])
@pytest.mark.parametrize("name", EVERYONE)
def test_networks_stay_the_same_functions_as_statistics_move(name: str, conv: str | None) -> None:
    """To the last digits, of observations and of actions."""
    agent = built(name, conv=conv)
    fed(agent, 160, 0)
    (statistics,) = agent.statistics
    seen = np.random.default_rng(1).normal(100, 60, (200, *agent.net.input_shape))
    statistics.see(seen.astype(np.float32))
    actions = np.random.default_rng(2).normal(size=(20, 2))
    nets = networks(agent)
    inputs = [seen[:20] if net.input_shape == agent.net.input_shape
              else np.hstack([seen[:20], actions]) for net in nets]  # fmt: skip
    before = [net(x).copy() for net, x in zip(nets, inputs, strict=True)]
    moved = [net.params.copy() for net in nets]
    statistics.move()
    for net, x, y, params in zip(nets, inputs, before, moved, strict=True):
        np.testing.assert_allclose(net(x), y, rtol=1e-12, atol=1e-12)
        running = name == "crossq" and conv is None  # those of its own make up for it
        assert running or not np.array_equal(net.params, params)


@pytest.mark.parametrize("name", BOX)
def test_all_that_was_acted_on_moves_into_actor_critics_and_targets(name: str) -> None:
    """The memory has it as it was."""
    space = Box(-np.inf, np.inf, (3,), np.float32)
    agent = built(name, space, learning_starts=200)
    seen = fed(agent, 49, 0)
    assert agent.updates == 0
    agent.learn()
    for net in networks(agent):
        means = [array for of, array in net.buffers.items() if of.endswith("normalise0.mean")]
        assert len(means) == 1 and len(means[0]) == 3
        np.testing.assert_allclose(means[0], seen.mean(axis=0), rtol=1e-6)
    assert sorted(agent.replay.s[: len(seen)].tolist()) == sorted(seen.tolist())
    x = np.random.default_rng(3).normal(100, 30, (5, 3)).astype(np.float32)
    again = built(name, space, learning_starts=200)
    again.load_state(agent.state())
    assert np.array_equal(again.policy()(x), agent.policy()(x))
    assert np.array_equal(again.policy().value(x), agent.policy().value(x))


@pytest.mark.parametrize("name", EVERYONE)
def test_nothing_to_normalise_is_said(name: str) -> None:
    with pytest.raises((UserError, ValueError), match="`normalise_obs` has nothing to normalise"):
        built(name, Box(0, 255, (8, 8, 1), np.uint8))


# -- runs -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["ppo", "pqn", "sac", "td3", "crossq"])
def test_killed_it_goes_on_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    shell = Shell(ROOT, tmp_path / "runs")
    env = ["--env", FILE if name in DISCRETE else PUSHED]
    options = [*env, *SHORT, *OWN[name], "--conv", "minatar", "--normalise-obs"]
    killed_and_resumed(shell, name, "4000", options)


@pytest.fixture(scope="module", params=EVERYONE)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path, name = tmp_path_factory.mktemp("runs") / request.param, request.param
    env = FILE if name in DISCRETE else PUSHED
    words = ["train", name, "--env", env, "--run", str(path), *SHORT, *OWN[name], "--steps", "640",
             "--conv", "minatar", "--normalise-obs", "--json"]  # fmt: skip
    assert main(words) == 0
    yield path


def observations() -> list[Any]:
    env, found = Pictured(), []
    for seed in range(5):
        found.append(env.reset(seed=seed)[0])
        found[-1]["numbers"][1] = seed
    return found


def test_policies_keep_the_statistics(run: Path, tmp_path: Path) -> None:
    loaded = drl.load_run(run)
    for which in ("best", "last"):
        policy: Any = loaded.policy(which)
        counts = [array for of, array in policy.net.buffers.items() if of.endswith("0.count")]
        assert counts and all(count > 0 for count in counts)
        policy.save(tmp_path / "policy.safetensors")
        again: Any = drl.load_policy(tmp_path / "policy.safetensors")
        for seen in observations():
            assert np.array_equal(again(seen), policy(seen))
            assert np.array_equal(again.value(seen), policy.value(seen))


@pytest.mark.parametrize("form", ["npz", "pt", "onnx"])
def test_exports_act_alike(run: Path, form: str, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    loaded = drl.load_run(run)
    exported = loaded.export(tmp_path / f"net.{form}")
    policy: Any = loaded.policy()
    net = policy.deterministic_net()
    for seen in observations():
        names: dict[str, Any] = {"observation": seen}
        exec(compile(exported.code, form, "exec"), names)
        y = names["y"].detach().numpy() if form == "pt" else names["y"]
        np.testing.assert_allclose(y, net(policy.batch(seen)[0]), rtol=1e-4, atol=1e-5)


def test_a_run_with_it_cannot_go_on_without(run: Path) -> None:
    assert main(["resume", str(run), "--steps", "2000", "--no-normalise-obs"]) == 2


@pytest.mark.parametrize("name", ["ppo", "sac"])
def test_a_training_begins_with_the_statistics_of_another(name: str) -> None:
    first, second = built(name), built(name)
    fed(first, 60, 0)
    if not first.updates:
        first.statistics[0].move()
    second.init_from(first.policy())
    for mine, its in zip(networks(second), networks(first), strict=True):
        assert mine.buffers.keys() == its.buffers.keys()
        assert all(np.array_equal(mine.buffers[of], array) for of, array in its.buffers.items())
    with pytest.raises(ValueError, match="normalise_obs is True there"):
        built(name, normalise_obs=False).init_from(first.policy())


def test_on_torch() -> None:
    pytest.importorskip("torch")
    drl.train(
        "sac", Pushed, steps=96, learning_starts=32, num_envs=4, hidden=(8,), normalise_obs=True,
        batch_size=8, backend="torch", eval_every=1000, progress=False,
    )  # fmt: skip
