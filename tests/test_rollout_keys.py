"""Observations of a rollout kept small: the same learning, to the byte, as with whole rows."""

import importlib
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Dict, Discrete, MultiBinary, Tuple
from pictured import Pictured, Pushed

import drl
from agents.memory.keys import build_keys
from agents.memory.one_hot import BitStorage, OneHotStorage
from agents.memory.packed import PackedKeys
from agents.memory.rollout import Rollout
from agents.memory.storage import ArrayStorage
from agents.setup import Setup
from drl.encoding import Encoder
from drl.experiment import checkpoint

SHORT: dict[str, Any] = {
    "steps": 192, "num_envs": 4, "hidden": (16,), "n_steps": 16, "eval_every": 1_000,
    "eval_episodes": 1, "eval_max_steps": 20, "progress": False,
}  # fmt: skip


class Seen(gym.Env[Any, int]):
    """Random observations of a space, and rewards; cut, or over, some day."""

    action_space = Discrete(3)

    def __init__(self, space: Any) -> None:
        self.observation_space = space

    def _seen(self) -> Any:
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        return self.observation_space.sample()

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: int) -> Any:
        over, cut = self.np_random.random(2) < 0.1
        return self._seen(), float(self.np_random.random()), bool(over), bool(cut), {}


class OneOf(Seen):
    def __init__(self) -> None:
        super().__init__(Discrete(40, start=3))


class Bits(Seen):
    def __init__(self) -> None:
        super().__init__(Tuple((Discrete(5), MultiBinary(6))))


KINDS: list[tuple[Any, type, float, dict[str, Any]]] = [  # with how many times fewer bytes
    (Pictured, PackedKeys, 3, {"conv": "minatar"}),
    (OneOf, OneHotStorage, 150, {}),
    (Bits, BitStorage, 20, {}),
]


@pytest.mark.parametrize("agent", ["ppo", "a2c", "pqn", "recurrent ppo"])
@pytest.mark.parametrize("env, kind, fewer, more", KINDS)
def test_learning_is_the_same_to_the_byte(
    agent: str, env: Any, kind: type, fewer: float, more: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    own: dict[str, Any] = {} if agent == "a2c" else {"batch_size": 32, "n_epochs": 2}
    recurrent, name = agent.startswith("recurrent"), agent.split()[-1]
    own |= {"recurrent": True} if recurrent else {}

    def learnt() -> Any:
        return drl.train(name, env, **SHORT | own | more).agent

    small = learnt()
    for family in ("ppo", "pqn"):
        monkeypatch.setattr(
            importlib.import_module(f"agents.{family}.build"), "build_keys",
            lambda setup: ArrayStorage(setup.observation_space.shape, np.float32),
        )  # fmt: skip
    whole = learnt()
    assert type(small.rollout.storage) is kind and type(whole.rollout.storage) is ArrayStorage
    assert small.updates == whole.updates > 2
    assert small.net.params.tobytes() == whole.net.params.tobytes()
    assert small.rollout.obs.nbytes < whole.rollout.obs.nbytes / fewer


def test_of_actions_that_are_numbers_too() -> None:
    agent = drl.train("ppo", Pushed, conv="minatar", batch_size=32, **SHORT).agent
    assert type(agent.rollout.storage) is PackedKeys and agent.updates > 2


def test_a_rollout_goes_on_from_its_state(tmp_path: Path) -> None:
    """From the midst of one, with cuts."""
    short = SHORT | {"steps": 320, "n_steps": 40, "batch_size": 32, "checkpoint_every": 100}
    drl.train("ppo", Bits, run=tmp_path / "run", **short)
    *_, before, _ = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))
    kept = checkpoint.load(before)["task"]["agent"]["rollout"]
    assert 0 < kept["filled"] < 40 and len(kept["cut"]) and kept["obs"].dtype == np.uint8
    assert drl.load_run(tmp_path / "run").verify("checkpoint").same


def test_a_key_that_cannot_be_is_not_loaded() -> None:
    def memory(size: int) -> Rollout:
        encoder = Encoder(Discrete(size))
        setup = Setup(encoder.space, Discrete(2), encoder=encoder)
        return Rollout(2, 1, build_keys(setup))

    larger, smaller = memory(9), memory(5)
    larger.obs[:] = 8
    state = larger.state() | {"filled": 0, "obs": larger.obs[:1]}
    with pytest.raises(ValueError, match="from 0 to 4"):
        smaller.load_state(state)


def test_a_dict_without_pictures_is_kept_as_it_was() -> None:
    encoder = Encoder(Dict({"a": Discrete(3), "b": gym.spaces.Box(0, 1)}))
    kept = build_keys(Setup(encoder.space, Discrete(3), encoder=encoder))
    assert type(kept) is ArrayStorage and kept.key_shape == (4,)
