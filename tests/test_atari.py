"""Atari: frames, images and stacks by hand; sticky actions; saved games that go on exactly."""

import hashlib
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from made import dqn_in, task
from test_envs import rolled, same

from agents import preset
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.threads import one_thread
from envs import make
from envs.atari import SKIP, Atari, _picture, _pushed, ids

ale_py = pytest.importorskip("ale_py")


class Spy:
    """A game that writes down what it is asked to play."""

    def __init__(self, game: Any) -> None:
        self.game, self.played = game, []

    def act(self, move: Any) -> int:
        self.played.append(move)
        return int(self.game.act(move))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.game, name)


def raw_game(rom: str) -> Any:
    game = ale_py.ALEInterface()
    game.setFloat("repeat_action_probability", 0.0)
    game.setInt("random_seed", 1)
    game.loadROM(ale_py.roms.get_rom_path(rom))
    game.reset_game()
    return game


def test_conforms() -> None:
    env = make("ALE/Breakout-v5", 2, 7)
    obs, _ = env.reset()
    assert obs.shape == (2, 84, 84, 4) == (2, *env.observation_space.shape)
    assert obs.dtype == env.observation_space.dtype == np.uint8
    assert (env.frame_stack, env.action_space.n) == (4, 4)
    kept, ends = [], 0
    for moved in rolled(env, 400):
        assert moved.obs.shape == moved.final_obs.shape == obs.shape
        assert moved.obs.dtype == moved.final_obs.dtype == np.uint8
        assert moved.reward.dtype == np.float64 and moved.reward.shape == (2,)
        assert moved.terminated.dtype == moved.truncated.dtype == bool
        ended = moved.terminated | moved.truncated
        ends += int(ended.sum())
        assert np.array_equal(moved.final_obs[~ended], moved.obs[~ended])
        kept.append((moved, [array.copy() for array in moved[:5]]))
    assert ends > 0
    for moved, copies in kept:  # no later step has written into them
        assert all(np.array_equal(a, b) for a, b in zip(moved[:5], copies, strict=True))


def test_what_is_handed_out_may_be_written_to() -> None:
    a, b = make("ALE/Pong-v5", 1, 7), make("ALE/Pong-v5", 1, 7)
    a.reset()[0][:] = 0
    b.reset()
    for _ in range(6):
        seen, wanted = a.step(np.zeros(1, int)).obs, b.step(np.zeros(1, int)).obs
        assert np.array_equal(seen, wanted)
        seen[:] = 0


def test_seeded() -> None:
    a, b, c = (make("ALE/Breakout-v5", 2, seed) for seed in (7, 7, 8))
    assert np.array_equal(a.reset()[0], b.reset()[0])
    c.reset()
    first = rolled(a, 200)
    assert same(first, rolled(b, 200))
    assert not same(first, rolled(c, 200))
    alike = [a.step(np.array([i % 4, i % 4])) for i in range(100)]
    assert any((m.obs[0] != m.obs[1]).any() for m in alike)  # each environment its own


def test_a_picture_is_the_two_frames_maximum_averaged_by_area() -> None:
    """168 × 168 frames: a pixel of the image is the mean of 2 × 2 of theirs."""
    first, second = np.zeros((2, 168, 168), np.uint8)
    first[0, 0], second[0, 1] = 200, 100  # a thing that flickers is there all the same
    first[2, 2], second[2, 2] = 40, 80
    wanted = np.zeros((84, 84), np.uint8)
    wanted[0, 0], wanted[1, 1] = (200 + 100) / 4, 80 / 4
    assert np.array_equal(_picture([first, second]), wanted)


def test_no_pixel_of_the_frame_is_lost() -> None:
    """210 × 160: every pixel goes to the image's by the shares that they cover of it."""
    for row, column in [(0, 0), (7, 3), (103, 80), (209, 159)]:
        frame = np.zeros((210, 160), np.uint8)
        frame[row, column] = 255
        share = np.outer(overlap(row, 210), overlap(column, 160))
        assert np.abs(_picture([frame]) - 255 * share).max() <= 0.5
        assert math.isclose(share.sum(), 84 / 210 * 84 / 160)
    assert (_picture([np.full((210, 160), 77, np.uint8)]) == 77).all()


def overlap(cell: int, length: int) -> np.ndarray:
    """How much of each of 84 pixels the cell covers, by the definition of an area."""
    edges = np.arange(85) * length / 84
    covered = np.minimum(edges[1:], cell + 1) - np.maximum(edges[:-1], cell)
    return np.asarray(covered.clip(min=0) * 84 / length)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((210, 160), "1606b37e506eb9a6"),
        ((250, 160), "f41d6c8b7995eaa0"),
        ((230, 160), "f34d026b72cefbe0"),
        ((85, 160), "e40baa69e352442c"),
        ((84, 100), "ce6014bc92cbe74c"),
    ],
)
def test_pictures_are_those_of_opencv(shape: tuple[int, int], wanted: str) -> None:
    """Hashes of what cv2.resize(frame, (84, 84), interpolation=cv2.INTER_AREA) of 5.0 gives."""
    digest, rng = hashlib.sha256(), np.random.default_rng(shape[0])
    for t in range(60):
        frame = rng.integers(0, 256, shape, dtype=np.uint8)
        if t % 2:  # few greys on black: means in the middle of two are frequent
            frame = (frame >> 5 << 5) * (rng.random(shape) < 0.3).astype(np.uint8)
        digest.update(_picture([frame]).tobytes())
    assert digest.hexdigest()[:16] == wanted


def test_a_push_drops_the_oldest() -> None:
    rng = np.random.default_rng(0)
    stack = rng.integers(256, size=(3, 84, 84, 4)).astype(np.uint8)
    new = rng.integers(256, size=(3, 84, 84)).astype(np.uint8)
    wanted = np.concatenate([stack[..., 1:], new[..., None]], axis=-1)
    assert np.array_equal(_pushed(stack, new), wanted)


def test_pictures_and_scores_are_those_of_the_raw_game() -> None:
    """The moves played are played again on a game by hand, frame by frame."""
    env = Atari("ALE/SpaceInvaders-v5", 1, seed=3)
    spy = env.games[0] = Spy(env.games[0])
    raw = raw_game("space_invaders")
    first = _picture([raw.getScreenGrayscale()])
    obs, _ = env.reset()
    assert all(np.array_equal(obs[0, ..., k], first) for k in range(4))  # an episode's start
    history = [first] * 4
    flickers = 0
    for action in np.random.default_rng(0).integers(env.action_space.n, size=(120, 1)):
        moved = env.step(action)
        assert len(spy.played) == SKIP
        frames, score = [], 0
        for move in spy.played:
            score += raw.act(move)
            frames.append(raw.getScreenGrayscale())
        spy.played.clear()
        flickers += int((frames[2] > frames[3]).any())
        history = [*history[1:], _picture([np.maximum(frames[2], frames[3])])]
        assert np.array_equal(moved.final_obs[0], np.stack(history, axis=-1))
        assert moved.reward[0] == score
    assert flickers > 0


def test_one_frame_in_four_plays_the_last_action_again() -> None:
    """Asked each time for another action than the last: how many frames pass until it is played.

    P(k frames late) = 0.25^k: 1/4 of the first frames, 1/16 of the second.
    """
    env = Atari("ALE/Pong-v5", 1, seed=0)
    spy = env.games[0] = Spy(env.games[0])
    env.reset()
    steps, late = 0, np.zeros(SKIP)
    while steps < 3000:
        before = env.held[0]
        env.step(np.array([(before + 1) % env.action_space.n]))
        if len(spy.played) == SKIP:  # fewer where the game has ended
            steps += 1
            late += [move == env.moves[before] for move in spy.played]
        spy.played.clear()
    wanted = 0.25 ** np.arange(1, SKIP + 1)
    assert (np.abs(late / steps - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / steps)).all()
    env.held = [1]
    env.reset()
    assert env.held == [0]  # no action outlives its episode
    assert spy.game.getFloat("repeat_action_probability") == 0.0  # and the ALE adds none


def test_a_game_ends_with_its_last_life_only() -> None:
    env = Atari("ALE/Breakout-v5", 1, seed=0)
    spy = env.games[0] = Spy(env.games[0])
    env.reset()
    rng, lives = np.random.default_rng(0), []
    moved = env.step(rng.integers(4, size=1))
    while not moved.terminated[0]:
        assert not moved.truncated[0]
        lives.append(spy.game.lives())
        moved = env.step(rng.integers(4, size=1))
    assert lives == sorted(lives, reverse=True) and set(lives) == {5, 4, 3, 2, 1}
    # the environment is already in its next episode: the first image, four times
    assert all(np.array_equal(moved.obs[0, ..., 0], moved.obs[0, ..., k]) for k in range(4))
    assert not np.array_equal(moved.obs, moved.final_obs)
    assert spy.game.lives() == 5


def test_truncation_is_told_apart() -> None:
    env = Atari("ALE/Pong-v5", 2, seed=0, max_frames=40)
    env.reset()
    moves = rolled(env, 20)
    assert [m.truncated.all() for m in moves] == [i in (9, 19) for i in range(20)]
    assert not any(m.terminated.any() for m in moves)
    limit = Atari("ALE/Pong-v5").games[0].getInt("max_num_frames_per_episode")
    assert limit == 108_000


@pytest.mark.parametrize("game", ["Breakout", "Pong", "Qbert", "Seaquest"])
@pytest.mark.parametrize("steps", [0, 57])  # Q*bert starts in the middle of a frame
def test_saved_state_goes_on(game: str, steps: int, tmp_path: Path) -> None:
    """Bit for bit, through a file, in other environments that have played something else."""
    a, b = make(f"ALE/{game}-v5", 2, 7), make(f"ALE/{game}-v5", 2, 99)
    a.reset(), b.reset()
    rolled(a, steps), rolled(b, 31)
    state = a.state()
    assert state is not None
    checkpoint.save(tmp_path / "state", state)
    b.load_state(checkpoint.load(tmp_path / "state"))
    gone_on = rolled(a, 300, seed=1)
    assert same(gone_on, rolled(b, 300, seed=1))
    if game == "Qbert":
        assert max(m.reward.max() for m in gone_on) >= 25  # unclipped
    if game == "Breakout":
        assert any(m.terminated.any() for m in gone_on)


def test_anothers_state_is_refused() -> None:
    state = make("ALE/Breakout-v5", 2, 0).state()
    assert state is not None
    with pytest.raises(ValueError, match="of ALE/Breakout-v5, not of ALE/Pong-v5"):
        make("ALE/Pong-v5", 2, 0).load_state(state)
    with pytest.raises(ValueError, match="stacked"):
        make("ALE/Breakout-v5", 1, 0).load_state(state)
    state["games"]["1"] = state["games"]["1"][:999]
    with pytest.raises(ValueError, match="saved game 1 is damaged"):
        make("ALE/Breakout-v5", 2, 0).load_state(state)


def test_ids_are_the_packages() -> None:
    assert {id for id in gym.registry if id.startswith("ALE/")} == set(ids())


@pytest.mark.parametrize(
    ("id", "nearest"), [("ALE/Breakot-v5", "ALE/Breakout-v5"), ("Ale/MsPacman", "ALE/MsPacman-v5")]
)
def test_unknown_game_is_said_in_one_line(id: str, nearest: str) -> None:
    with pytest.raises(
        UserError, match=f"unknown environment '{id}' .did you mean {nearest}"
    ) as error:
        make(id, 1, 0)
    assert "\n" not in str(error.value)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(UserError, match=r"pip install 'drl-toolkit\[atari\]'"):
        make("ALE/Breakout-v5", 1, 0)
    with pytest.raises(UserError, match="did you mean CartPole-v1"):  # the hints do without
        make("CartPole-v7", 1, 0)


def test_no_banner(capfd: pytest.CaptureFixture[str]) -> None:
    make("ALE/Pong-v5", 2, 0).reset()
    assert capfd.readouterr() == ("", "")


def resident() -> int:
    """Memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_two_thousand_steps_learn_and_memory_does_not_grow() -> None:
    """In a process of its own: what others have left in the heap moves its size."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        grown = pool.submit(played).result()
    # malloc takes one step of 7 to 11 MiB, then 4,000 steps more take 0.1; 1,200 observations kept
    # by mistake would be 33
    assert grown < 16 * 2**20


def played() -> int:
    """Pong with its preset, but for a small replay: full after 600 steps, from where it counts."""
    tuned = preset("ALE/Pong-v5")
    assert tuned is not None
    config = replace(tuned.config, buffer_size=600, learning_starts=200)
    env = make("ALE/Pong-v5", 4, seed=0)
    agent = dqn_in(config, env, seed=0, steps=tuned.experiment.steps)
    before = agent.ops.numpy(agent.net.params).copy()
    sizes, losses = [], []
    with one_thread():
        for progress in task(agent, env).run(2_000):
            if progress.step >= 800:
                sizes.append(resident())
            if progress.update is not None:
                losses.append(progress.update.seen.loss())
    assert agent.updates == 450 and np.isfinite(losses).all()
    assert not np.array_equal(before, agent.ops.numpy(agent.net.params))
    return max(sizes) - sizes[0]
