"""`drl watch`: the episode on video is the policy's own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import envs
from agents import SavedPolicy, Setup
from drl import load_run, train
from drl.api.watch import Episode
from drl.cli.main import main
from drl.nn import MLP, Network
from drl.rng import unseen_seed

pytest.importorskip("pygame")


@pytest.fixture(scope="module")
def cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("watch") / "dqn"
    short = ["--steps", "600", "--log", "none", "--eval-every", "250", "--eval-episodes", "2"]
    assert main(["train", "dqn", "--run", str(run), "--json", *short]) == 0
    return run


def finished(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def by_hand(net: Network, seed: int) -> float:
    """Return of the same episode, from the policy's definition, by Gymnasium's physics."""
    import gymnasium as gym

    ours = envs.make("CartPole-v1", 1, unseen_seed(seed))
    start, _ = ours.reset()
    theirs: Any = gym.make("CartPole-v1")
    theirs.reset()
    theirs.unwrapped.state = ours.rows[:, 0]  # type: ignore[attr-defined]
    obs, total, ended = start[0], 0.0, False
    while not ended:
        obs, reward, terminated, truncated, _ = theirs.step(int(np.argmax(net(obs[None])[0])))
        total += float(reward)
        ended = terminated or truncated
    return total


def episode_of(id: str, act: Any, **how: Any) -> Episode:
    """Of a policy that is a function of the observations (N, *shape)."""

    class Function(SavedPolicy):
        def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
            actions: np.ndarray = act(obs)
            return actions

    env = envs.make(id, 1, 0)
    policy = Function(None, Setup(env.observation_space, env.action_space), MLP(1, 1))
    env.close()
    return Episode(policy, envs.source(id), **how)


@pytest.mark.parametrize("policy", ["best", "last"])
def test_the_gif_is_the_episode(
    cartpole: Path, policy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", str(cartpole), "--policy", policy, "--seed", "3", "--json"]) == 0
    result = finished(capsys)
    net = load_run(cartpole).policy(policy).net
    assert result["return"] == result["length"] == by_hand(net, 3) and not result["cut"]
    with Image.open(cartpole / "episode.gif") as video:
        assert video.size == (600, 400)
        shown = 0
        for i in range(video.n_frames):
            video.seek(i)
            shown += video.info["duration"]
        assert shown == 20 * (result["length"] + 1)  # ms: 50 images a second


def test_the_picture_moves_and_shows_the_pole(cartpole: Path) -> None:
    episode = episode_of("CartPole-v1", lambda obs: np.ones(len(obs), int), max_steps=5)
    frames = list(episode)
    episode.close()
    assert len(frames) == 6 and episode.cut and episode.length == 5
    assert all(f.shape == (400, 600, 3) and f.dtype == np.uint8 and f.std() > 0 for f in frames)
    assert not np.array_equal(frames[0], frames[-1])  # pushed to the right


def test_first_action_and_float_observations() -> None:
    """An env whose actions begin at 1 and whose observations are float64."""
    import gymnasium as gym

    class Offset(gym.Env[np.ndarray, int]):
        metadata = {"render_modes": ["rgb_array"]}
        observation_space = gym.spaces.Box(-1, 1, (2,), np.float64)
        action_space = gym.spaces.Discrete(2, start=1)
        taken: list[int] = []

        def __init__(self, render_mode: str | None = None) -> None:
            self.render_mode = render_mode

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            return np.array([0.5, -0.5]), {}

        def step(self, action: int) -> Any:
            self.taken.append(action)
            return np.array([-0.5, 0.5]), 1.0, len(self.taken) == 2, False, {}

        def render(self) -> Any:
            return np.zeros((4, 6, 3), np.uint8)

    gym.register("test/Offset-v0", Offset)
    try:
        episode = episode_of("test/Offset-v0", lambda obs: obs.argmax(axis=1) + 1)
        assert len(list(episode)) == 3 and Offset.taken == [1, 2] and episode.total == 2
        assert episode.fps == 30
    finally:
        del gym.registry["test/Offset-v0"]


def test_mp4(cartpole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("imageio")
    pytest.importorskip("imageio_ffmpeg")
    from imageio import v2

    out = tmp_path / "video.mp4"
    assert main(["watch", str(cartpole), "--out", str(out), "--json"]) == 0
    result = finished(capsys)
    with v2.get_reader(out) as video:  # type: ignore[attr-defined]
        assert video.get_meta_data()["fps"] == 50 and video.get_meta_data()["size"] == (600, 400)
        assert video.count_frames() == result["length"] + 1
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("missing", "out"), [("imageio", "video.mp4"), ("pygame", "video.gif"), ("pygame", "video.mp4")]
)
def test_a_missing_package_is_named(
    cartpole: Path, tmp_path: Path, missing: str, out: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in [n for n in sys.modules if n.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["watch", str(cartpole), "--out", str(tmp_path / out)]) == 2
    error = capsys.readouterr().err
    assert "drl-toolkit[video]" in error and len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_window_shows_the_episode_and_keeps_no_file(
    cartpole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import pygame

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    flip, seen = pygame.display.flip, []

    def flipped() -> None:
        flip()
        seen.append(pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1))

    monkeypatch.setattr(pygame.display, "flip", flipped)
    assert main(["watch", str(cartpole), "--window", "--max-steps", "5", "--json"]) == 0
    result = finished(capsys)
    assert result["length"] == 5 and result["cut"] and result["out"] is None
    episode = load_run(cartpole).episode(max_steps=5)
    assert all(np.array_equal(a, b) for a, b in zip(seen, episode, strict=True))
    episode.close()

    pygame.display.init()  # whoever presses Escape has seen enough; a video ends there too
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE))
    monkeypatch.setattr(pygame.display, "init", lambda: None)
    out = tmp_path / "video.gif"
    assert main(["watch", str(cartpole), "--window", "--out", str(out), "--json"]) == 0
    assert finished(capsys)["cut"] and out.exists()


@pytest.mark.parametrize("driver", [{}, {"SDL_VIDEODRIVER": "x11"}, {"DISPLAY": ":99"}])
def test_no_display_is_one_line(cartpole: Path, driver: dict[str, str]) -> None:
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "drl.cli.main", "watch", str(cartpole), "--window"],
        env=env | driver, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and not done.stdout
    *grumbling, line = done.stderr.splitlines()
    assert "no window can be opened" in line and (driver or not grumbling)  # SDL's, in C


def test_what_cannot_be_watched(
    cartpole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits, chain = tmp_path / "digits", tmp_path / "chain"
    assert main(["train", "digits", "--epochs", "1", "--log", "none", "--run", str(digits)]) == 0
    short = ["--steps", "100", "--log", "none", "--eval-every", "50", "--eval-episodes", "1"]
    assert main(["train", "dqn", "--env", "drl/Chain-v0", "--run", str(chain), *short]) == 0
    capsys.readouterr()
    nowhere = tmp_path / "nowhere" / "a.gif"
    for args, words in [
        ([str(digits)], "drl evaluate"),
        ([str(chain)], "draws no images"),
        ([str(cartpole), "--out", "video.avi"], ".gif or .mp4"),
        ([str(cartpole), "--out", str(nowhere), "--max-steps", "2"], "cannot write"),
        ([str(cartpole), "--max-steps", "0"], "1 or more"),
        ([str(tmp_path / "none")], "no run"),
    ]:
        assert main(["watch", *args]) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1


@pytest.mark.filterwarnings("ignore::drl.api.console.TrainingWarning")  # it has no end
def test_an_episode_without_end_is_cut_as_evaluations_cut_it(tmp_path: Path) -> None:
    """CliffWalking has no time limit, and a policy that has learnt nothing stays where it is."""
    short: dict[str, Any] = {"eval_every": 32, "eval_episodes": 1, "eval_max_steps": 7}
    train("dqn", "CliffWalking-v1", run=tmp_path / "run", steps=32, progress=False,
          log="none", **short)  # fmt: skip
    episode = load_run(tmp_path / "run").episode()
    assert len(list(episode)) == 8 and episode.cut
    episode.close()
    longer = load_run(tmp_path / "run").episode(max_steps=9)
    assert len(list(longer)) == 10 and longer.cut
    longer.close()
