"""MinAtar: the package's own games, stepped as the loop asks, and saved to go on exactly."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_envs import rolled, same

from drl.errors import UserError
from drl.experiment import checkpoint
from envs import make
from envs.minatar import IDS, MinAtar

pytest.importorskip("minatar")

each_game = pytest.mark.parametrize("id", [id for id in IDS if id.endswith("v1")])
ROOT = Path(__file__).parents[1]


def ends(moves: list[Any]) -> int:
    return sum(int((m.terminated | m.truncated).sum()) for m in moves)


@pytest.mark.parametrize("id", IDS)
def test_is_the_packages_own_game(id: str) -> None:
    """Against minatar.Environment, stepped by hand with the same seed and actions."""
    from minatar import Environment

    env = MinAtar(id, 2, seed=5)
    raw = Environment(IDS[id])
    raw.seed(int(np.random.SeedSequence(5).generate_state(2)[1]))
    raw.reset()
    moves = raw.minimal_action_set() if id.endswith("v1") else list(range(6))
    assert env.action_space.n == len(moves)
    assert np.array_equal(env.reset()[0][1], raw.state())
    rng = np.random.default_rng(0)
    for _ in range(3000):
        actions = rng.integers(len(moves), size=2)
        moved = env.step(actions)
        reward, terminal = raw.act(moves[actions[1]])
        assert (moved.reward[1], moved.terminated[1]) == (reward, terminal)
        assert np.array_equal(moved.final_obs[1], raw.state())
        if terminal:
            raw.reset()
        assert np.array_equal(moved.obs[1], raw.state())


@each_game
def test_conforms(id: str) -> None:
    env = make(id, 3, 7)
    obs, _ = env.reset()
    assert obs.shape == (3, *env.observation_space.shape) and obs.shape[1:3] == (10, 10)
    assert obs.dtype == env.observation_space.dtype == np.bool_ and env.frame_stack == 1
    kept = []
    for moved in rolled(env, 300):
        assert moved.obs.shape == moved.final_obs.shape == obs.shape
        assert moved.obs.dtype == moved.final_obs.dtype == np.bool_
        assert moved.reward.dtype == np.float64 and moved.reward.shape == (3,)
        assert moved.terminated.dtype == moved.truncated.dtype == bool
        ended = moved.terminated | moved.truncated
        assert np.array_equal(moved.final_obs[~ended], moved.obs[~ended])
        kept.append((moved, [array.copy() for array in moved[:5]]))
    for moved, copies in kept:  # no later step has written into them
        assert all(np.array_equal(a, b) for a, b in zip(moved[:5], copies, strict=True))


@each_game
def test_seeded(id: str) -> None:
    a, b, c = make(id, 2, 7), make(id, 2, 7), make(id, 2, 8)
    assert np.array_equal(a.reset()[0], b.reset()[0])
    c.reset()
    first = rolled(a, 400)
    assert same(first, rolled(b, 400))
    assert not same(first, rolled(c, 400))
    assert any((m.obs[0] != m.obs[1]).any() for m in first)  # each environment its own


@each_game
def test_saved_state_goes_on(id: str, tmp_path: Path) -> None:
    """Bit for bit through a file and several episodes, from the middle of one."""
    a, b = MinAtar(id, 3, 7), MinAtar(id, 3, 99)
    a.reset()
    rolled(a, 190)
    state = a.state()
    assert state is not None
    checkpoint.save(tmp_path / "state", state)
    loaded = checkpoint.load(tmp_path / "state")
    steps = 6000 if "Freeway" in id else 1500  # Freeway's episodes are 2,501 frames each
    gone_on = rolled(a, steps, seed=1)
    for source in (loaded, loaded, state):  # a state is not used up, nor changed, by going on
        b.load_state(source)
        assert b.last == loaded["last"]
        assert same(gone_on, rolled(b, steps, seed=1))
    assert ends(gone_on) >= 6


def test_anothers_state_is_refused() -> None:
    state = make("MinAtar/Breakout-v1", 2, 0).state()
    assert state is not None
    with pytest.raises(ValueError, match="of MinAtar/Breakout-v1, not of MinAtar/Freeway-v1"):
        make("MinAtar/Freeway-v1", 2, 0).load_state(state)
    with pytest.raises(ValueError, match="elapsed"):
        make("MinAtar/Breakout-v1", 3, 0).load_state(state)
    del state["games"]["0"]["game"]["strike"]
    with pytest.raises(ValueError, match="another version"):
        make("MinAtar/Breakout-v1", 2, 0).load_state(state)


def test_one_action_in_ten_is_the_last_one_again() -> None:
    """Asked each time for another action than the last played: what is not played, was sticky."""
    env = MinAtar("MinAtar/Freeway-v1", 1, seed=0)
    env.reset()
    steps, stuck = 20_000, 0
    for _ in range(steps):
        before = env.moves.index(env.last[0])
        env.step(np.array([(before + 1) % 3]))
        stuck += env.last[0] == env.moves[before]
    deviation = np.sqrt(0.1 * 0.9 / steps)
    assert abs(stuck / steps - 0.1) < 4 * deviation


def test_the_ball_lost_ends_breakout_and_the_next_board_is_whole() -> None:
    env = MinAtar("MinAtar/Breakout-v1", 1, seed=0)
    env.reset()
    lost = next(m for m in rolled(env, 200) if m.terminated[0])
    ball, brick = 1, 3
    assert lost.final_obs[0, 9, :, ball].any() and not lost.truncated[0]
    assert lost.obs[0, 3, [0, 9], ball].any()
    assert lost.obs[0, :, :, brick].sum() == 30


def test_truncation_is_told_apart() -> None:
    env = MinAtar("MinAtar/Freeway-v1", 2, seed=0, time_limit=7)
    env.reset()
    moves = rolled(env, 14)
    assert [m.truncated.all() for m in moves] == [i in (6, 13) for i in range(14)]
    assert not any(m.terminated.any() for m in moves)
    env = MinAtar("MinAtar/Freeway-v1", 1, seed=0)
    env.reset()
    moves = rolled(env, 2501)  # the game's own clock
    assert [i for i, m in enumerate(moves) if m.terminated[0]] == [2500]
    assert not any(m.truncated[0] for m in moves)


@pytest.mark.parametrize(
    ("id", "nearest"),
    [("MinAtar/Breakot-v1", "MinAtar/Breakout-v1"), ("Minatar/Seaquest", "MinAtar/Seaquest-v")],
)
def test_unknown_game_is_said_in_one_line(id: str, nearest: str) -> None:
    with pytest.raises(
        UserError, match=f"unknown environment '{id}' .did you mean {nearest}"
    ) as error:
        make(id, 1, 0)
    assert "\n" not in str(error.value)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    there = {"minatar": None}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: there.get(name, find(name)))
    with pytest.raises(UserError, match=r"pip install 'drl-toolkit\[minatar\]'"):
        make("MinAtar/Breakout-v1", 1, 0)


def test_nothing_is_loaded_that_is_not_played() -> None:
    program = """
import sys
from envs import make
make("CartPole-v1", 1, 0)
assert not {"envs.minatar", "envs.atari", "minatar", "ale_py"} & set(sys.modules)
make("MinAtar/Breakout-v1", 1, 0)
assert not {"matplotlib", "seaborn", "pandas", "ale_py"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_picture_has_a_hue_for_each_thing() -> None:
    """Breakout's first board: paddle, ball, trail and a wall of three rows; the rest is black."""
    env = MinAtar("MinAtar/Breakout-v1", 1, seed=0)
    board, image = env.reset()[0][0], env.render()
    assert image.shape == (240, 240, 3) and image.dtype == np.uint8
    cells = image[::24, ::24]
    np.testing.assert_array_equal(cells.any(axis=-1), board.any(axis=-1))
    paddle, ball, trail, brick = (board[..., c] for c in range(4))
    assert (ball & trail & brick).sum() == 1  # it starts in the wall, on its own trail
    (at_paddle,), (at_ball,) = cells[paddle].tolist(), cells[ball].tolist()
    (at_brick,) = np.unique(cells[brick & ~ball], axis=0).tolist()
    assert len({tuple(at_paddle), tuple(at_ball), tuple(at_brick)}) == 3
