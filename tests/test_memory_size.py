"""What a replay memory takes: as many transitions as the run makes, pictures once and as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from made import setup as about
from one_line import refused
from pictured import FILE, PUSHED, Pictured, Pushed
from trained import assert_same, latest

import drl
from agents import DQNConfig
from agents.memory import build
from agents.memory.masks import packed
from agents.memory.packed import PackedStorage, Packing
from agents.memory.prioritized import PrioritizedSampler
from agents.memory.replay import ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage
from agents.room import fitting
from agents.setup import Setup
from drl.cli.main import main
from drl.encoding import Encoder
from drl.nn.schedules import Constant

PARTS = Dict({
    "a": MultiDiscrete([3, 9]), "camera": Box(0, 255, (5, 4, 3), np.uint8),
    "depth": Box(-9, 9, (4, 4, 1), np.float32), "dials": Box(0, 255, (3,), np.uint8),
    "lamps": MultiBinary(11), "n": Discrete(7), "speed": Box(-9, 9, (2,), np.float64),
})  # fmt: skip
CAMERA = Dict({"camera": Box(0, 255, (84, 84, 3), np.uint8), "speed": Box(-9, 9, (2,))})
SHORT: dict[str, Any] = {
    "num_envs": 4, "learning_starts": 50, "hidden": (8,), "eval_every": 1_000, "eval_episodes": 1,
    "progress": False, "batch_size": 16,
}  # fmt: skip


# -- packed ---------------------------------------------------------------------------------------
def encoded(space: Any, count: int) -> np.ndarray:
    space.seed(1)
    encoder = Encoder(space)
    rows = np.zeros((count, *encoder.space.shape), np.float32)
    for row in rows:
        encoder.encode(space.sample(), row)
    return rows


def test_each_part_in_its_own_type_and_back_without_loss() -> None:
    packing, rows = Packing(Encoder(PARTS).parts), encoded(PARTS, 50)
    # 12 + 11 + 7 of 0 and 1, 60 + 3 bytes, 16 + 2 numbers
    assert packing.bytes == -(-12 // 8) + 3 + -(-18 // 8) + 2 * 4 + 60 + 16 * 4
    kept = packing.pack(rows)
    assert kept.dtype == np.uint8 and kept.shape == (50, packing.bytes)
    assert packing.unpack(kept).tobytes() == rows.tobytes()


def memory(space: Any, buffer_size: int = 1_000, **settings: Any) -> ReplayBuffer:
    encoder = Encoder(space)
    config = DQNConfig(buffer_size=buffer_size, batch_size=16, **settings)
    made = Setup(encoder.space, Discrete(3), encoder=encoder)
    return build.build_memory(config, made, 1, np.asarray).replay


def test_a_dict_with_a_picture_takes_little_more_than_the_picture() -> None:
    beside, alone = memory(CAMERA), memory(CAMERA["camera"])
    assert isinstance(beside.storage, PackedStorage)
    assert beside.nbytes < 1.01 * alone.nbytes < 1.2 * 1_000 * 84 * 84 * 3


@pytest.mark.parametrize("space", [PARTS, PARTS["speed"], Dict({"a": Discrete(3), "b": Box(0, 1)})])
def test_what_has_no_pictures_is_kept_as_it_was(space: Any) -> None:
    plain = Encoder(space).space.shape, np.float32
    assert isinstance(memory(space).storage, PackedStorage) == (space is PARTS)
    if space is not PARTS:
        assert memory(space).storage.key_shape == ArrayStorage(*plain).key_shape


@pytest.mark.parametrize("agent", ["dqn", "sac", "td3", "tqc", "crossq"])
@pytest.mark.parametrize("more", [{}, {"n_step": 3, "prioritized": True}])
def test_learning_is_the_same_to_the_byte(
    agent: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    env = Pictured if agent == "dqn" else Pushed

    def learnt() -> Any:
        settings = SHORT | {"buffer_size": 400, "updates_per_step": 0.15, "conv": "minatar"} | more
        return drl.train(agent, env, steps=520, **settings).agent

    small = learnt()
    monkeypatch.setattr(
        build, "build_storage",
        lambda config, setup, expected: ArrayStorage(setup.observation_space.shape, np.float32),
    )  # fmt: skip
    whole = learnt()
    assert small.updates == whole.updates == 70 and len(small.replay) == 400
    assert type(small.replay.storage) is not type(whole.replay.storage)
    assert small.net.params.tobytes() == whole.net.params.tobytes()
    assert small.replay.peek(50).tobytes() == whole.replay.peek(50).tobytes()
    assert small.nbytes < whole.nbytes / 4


# -- as many as the run makes ---------------------------------------------------------------------
def sampler(kind: str) -> Any:
    rng = np.random.default_rng(0)
    if kind == "uniform":
        return UniformSampler(9_000, 4, rng)
    return PrioritizedSampler(9_000, 4, rng, 0.6, Constant(0.5))


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_memory_that_grows_is_one_that_was_whole(kind: str, masked: bool) -> None:
    storage = ArrayStorage((1,), np.float32)
    grown, whole = (
        ReplayBuffer(9_000, 4, storage, sampler(kind), actions=9, expected=expected)
        for expected in (5, None)
    )
    assert (grown.rows, whole.rows) == (5, 9_000) and grown.nbytes < whole.nbytes
    rng = np.random.default_rng(1)
    for n in range(400):
        s = rng.normal(size=(30, 1)).astype(np.float32)
        mask = packed(rng.random((30, 9)) < 0.5, 30, 9)
        masks = np.stack([mask, mask], axis=1) if masked and n > 2 else None
        for replay in (grown, whole):
            replay.add(s, np.arange(30), s[:, 0], s[:, 0], s, s[:, 0] > 0, masks)
        first, second = grown.sample(), whole.sample()
        assert all(
            np.array_equal(a, b) for a, b in zip(first, second, strict=True) if a is not None
        )
    assert grown.rows == 9_000
    assert_same(grown.state(), whole.state())
    again = ReplayBuffer(9_000, 4, storage, sampler(kind), actions=9, expected=5)
    again.load_state(grown.state())
    assert_same(again.state(), whole.state())


@pytest.mark.parametrize(
    "learner", [["dqn", "--env", FILE], ["sac", "--env", PUSHED],
                ["dqn", "--env", "drl/BitFlip-v0", "--her"]], ids=["dqn", "sac", "her"]
)  # fmt: skip
def test_a_run_that_goes_on_beyond_its_steps(
    learner: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what it would be with room from the start, and its checkpoints are."""
    words = ["train", *learner, "--steps", "160", "--num-envs", "4", "--hidden", "8",
             "--learning-starts", "50", "--batch-size", "16", "--buffer-size", "400",
             "--updates-per-step", "0.25", "--eval-every", "1000", "--log", "none",
             "--json"]  # fmt: skip
    states = []
    for room in ("grown", "whole"):
        if room == "whole":
            monkeypatch.setattr(build, "transitions", lambda setup: 10**6)
        run = tmp_path / room
        assert main([*words, "--run", str(run)]) == 0
        for steps in ("320", "800"):
            assert main(["resume", str(run), "--steps", steps, "--json"]) == 0
        states.append(latest(run)["task"])
    assert len(states[0]["agent"]["replay"]["action"]) == 400
    assert_same(*({k: v for k, v in state.items() if k == "agent"} for state in states))


def test_the_line_on_its_size() -> None:
    encoder = Encoder(CAMERA)
    config = DQNConfig(buffer_size=50_000)
    lines = []
    for steps in (1_000, 90_000):
        made = Setup(encoder.space, Discrete(3), steps=steps, num_envs=16, encoder=encoder)
        lines.append(build.build_memory(config, made, 1, np.asarray).replay.words())
    assert lines[0] == (
        "replay memory: 0.024 GiB for the 1,008 transitions of the run, fewer than `buffer_size`"
    )
    assert lines[1] == "replay memory: 1.113 GiB when its 50,000 transitions are full"


# -- no room --------------------------------------------------------------------------------------
def test_what_would_fit_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("drl.nn.memory.physical_memory", lambda: 2.0**24)
    line = refused(
        capsys, "train", "dqn", "--env", "CartPole-v1", "--run", str(tmp_path / "a"), "--steps",
        "9000000", "--buffer-size", "1000000", "--hidden", "8",
    )  # fmt: skip
    assert "the replay memory of 1,000,000 transitions takes" in line
    assert "give a smaller --buffer-size, 260,000 would fit" in line
    capsys.readouterr()
    assert main(["train", "dqn", "--env", "CartPole-v1", "--run", str(tmp_path / "b"), "--steps",
                 "700", "--buffer-size", "250000", "--hidden", "8", "--json"]) == 0  # fmt: skip


def test_where_the_system_refuses_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    real, zeros = np.empty, np.zeros

    def refuses(most: int, of: Any) -> Any:
        def made(shape: Any, dtype: Any = float) -> Any:
            if np.prod(shape, dtype=float) * np.dtype(dtype).itemsize > most:
                raise MemoryError("no")
            return of(shape, dtype)

        return made

    monkeypatch.setattr(np, "empty", refuses(10_000, real))
    assert fitting(10, 4_000) == 990  # 3,999, 1,999, 999
    assert fitting(20_000, 4_000) == 0
    monkeypatch.setattr(np, "zeros", refuses(10**7, zeros))
    config = DQNConfig(buffer_size=10**7)
    with pytest.raises(MemoryError, match=r"of 1,000,000 transitions .* give a smaller `buffer_s"):
        build.build_memory(config, about((4,), steps=10**6), 1, np.asarray)


def test_the_doctor_says_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--env", FILE, "--agent", "dqn"]) == 0
    assert "memory               0.01" in capsys.readouterr().out
    monkeypatch.setattr("drl.nn.memory.physical_memory", lambda: 2.0**23)
    assert main(["doctor", "--env", FILE, "--agent", "dqn"]) == 0
    out = capsys.readouterr().out
    assert "give a smaller --buffer-size" in out and "would fit" in out
