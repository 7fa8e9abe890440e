"""Who looks at a network sees the layers inside its branches too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from trained import read

import drl
from agents.metrics import dead_relus
from agents.pictures import Pictures
from drl.errors import Diverged
from drl.nn import Branches, Linear, Network, ReLU, Slice, make_ops
from drl.nn.finite import require_finite

NAMES = ["branches0.a.slice0", "branches0.a.linear0", "branches0.a.relu0", "branches0.b.slice0",
         "branches0.b.linear0", "linear0"]  # fmt: skip


def built(library: str) -> Network:
    a, b = [Slice(0, 1), Linear(3), ReLU()], [Slice(1, 2), Linear(2)]
    return Network([Branches({"a": a, "b": b}), Linear(1)], 2, make_ops(library), 0)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_activations_dead_neurons_and_nan_by_hand(library: str) -> None:
    net = built(library)
    net.params[:] = 0.0
    assert [name for name, _, _ in net.stages()] == NAMES
    net.views("branches0.a.linear0", net.params)["W"][:] = net.ops.asarray(np.array([[1, -1, 2.0]]))
    net.views("branches0.b.linear0", net.params)["b"][:] = net.ops.asarray(np.array([5.0, -5]))
    x = np.array([[1.0, 9], [3, 9]])
    seen = {name: net.ops.numpy(y).tolist() for name, y in net.activations(x).items()}
    assert [*seen] == NAMES
    assert seen["branches0.a.slice0"] == [[1], [3]] and seen["branches0.b.slice0"] == [[9], [9]]
    assert seen["branches0.a.linear0"] == [[1, -1, 2], [3, -3, 6]]
    assert seen["branches0.a.relu0"] == [[1, 0, 2], [3, 0, 6]]
    assert seen["branches0.b.linear0"] == [[5, -5], [5, -5]]
    assert dead_relus(net, x) == {"train/dead_relu/branches0.a.relu0": pytest.approx(1 / 3)}
    net.views("branches0.b.linear0", net.params)["W"][0, 0] = float("nan")
    with pytest.raises(Diverged, match="the norm of branches0.b.linear0's parameters"):
        require_finite(float("nan"), net, net.params, "parameters", 1)


def test_layers_of_branches_in_branches(library: str = "numpy") -> None:
    inner = [Branches({"x": [Slice(0, 1), Linear(3), ReLU()], "y": [Slice(1, 2), Linear(2)]})]
    net = Network([Branches({"actor": [*inner, Linear(2)], "critic": [Linear(1)]})], 2,
                  make_ops(library), 0)  # fmt: skip
    names = [name for name, _, _ in net.stages()]
    assert names[:3] == [f"branches0.actor.branches0.x.{of}" for of in ("slice0", "linear0",
                                                                        "relu0")]  # fmt: skip
    assert [*net.activations(np.ones((4, 2)))] == names and len(names) == 7
    W = net.views(names[1], net.params)["W"]
    W[:] = 7.0
    assert (np.array(inner[0].branches["x"][1].W) == 7).all()


@pytest.mark.parametrize("agent", ["ppo", "a2c", "dqn"])
def test_the_first_layer_s_picture_is_of_kernels(agent: str, tmp_path: Path) -> None:
    """Of the actor's, where actor and critic have layers of their own; nothing is warned of."""
    drl.train(
        agent, Pictured, run=tmp_path / "run", steps=64, num_envs=4, eval_every=1000,
        eval_episodes=1, hidden=(8,), conv="minatar", progress=False,
        **({"n_steps": 16} if agent == "ppo" else {}),
        **({"learning_starts": 32, "batch_size": 4} if agent == "dqn" else {}),
    )  # fmt: skip
    events = read(tmp_path / "run")
    shown = events.Images("first_layer/weights")
    assert len(shown) == 2 and shown[0].height < 300  # 16 tiles of 3×3
    said = [event.tensor_proto.string_val[0].decode() for event in events.Tensors("warnings")]
    assert not any("first layer" in line for line in said)


class Lost(Pictures):
    """Images that cannot be made."""

    def _first_layer(self, env_steps: int) -> None:
        with self._spared("image of the first layer", env_steps):
            raise ValueError("no such layer")


def test_an_image_that_cannot_be_made_is_said_once() -> None:
    said: list[str] = []
    pictures = Lost.__new__(Lost)
    pictures.said = set()
    pictures.experiment = SimpleNamespace(warn=said.append)  # type: ignore[assignment]
    for env_steps in (0, 64):
        pictures._first_layer(env_steps)
    (line,) = said
    assert line.startswith("no image of the first layer: ValueError: no such layer at ")


class Pictured(gym.Env[Any, int]):
    """A picture beside numbers."""

    observation_space = Dict({"camera": Box(0, 255, (12, 12, 1), np.uint8),
                              "speed": Box(-1, 1, (2,), np.float32)})  # fmt: skip
    action_space = Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: int) -> Any:
        return self.observation_space.sample(), 1.0, bool(self.np_random.random() < 0.2), False, {}


def test_curves_and_histograms_of_a_run_have_them(tmp_path: Path) -> None:
    drl.train(
        "dqn", Pictured, run=tmp_path / "run", steps=96, learning_starts=32, num_envs=4,
        eval_every=48, eval_episodes=1, batch_size=4, hidden=(8,), conv="minatar", log_every=16,
        progress=False,
    )  # fmt: skip
    tags = read(tmp_path / "run").Tags()
    dead = [tag for tag in tags["scalars"] if tag.startswith("train/dead_relu/branches0.")]
    assert dead and "train/dead_relu/relu0" in tags["scalars"]
    for kind in ("weights", "gradients"):
        assert any(tag.startswith(f"{kind}/branches0.") for tag in tags["histograms"])
