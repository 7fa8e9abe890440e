"""What an environment draws, and how it is closed, costs no training: an image at most."""

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import odd_envs
import pytest
from PIL import Image
from trained import read

from agents import evaluate
from agents.pictures import Pictures
from drl import TrainingWarning, train
from drl.cli.main import main
from drl.errors import EnvWarning, UserError
from drl.images import fitted, steady
from envs import drawing, make
from envs.drawing import coloured, rendered
from envs.gymnasium_env import GymVector

RED = np.zeros((20, 30, 3), np.uint8)
RED[..., 0] = 200
RGBA = np.concatenate([RED, np.full((20, 30, 1), 9, np.uint8)], axis=2)
GREY = np.full((20, 30), 77, np.uint8)


class Painter(odd_envs.Endless):
    """Ends after 9 steps; draws what it is told to, and closes as it is told to."""

    t = 0
    paints: Any = staticmethod(lambda t: RED)
    closes: Any = staticmethod(lambda: None)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.t = 0
        return super().reset(seed=seed)

    def step(self, action: int) -> Any:
        self.t += 1
        return (*super().step(action)[:2], self.t == 9, False, {})

    def render(self) -> Any:
        return Painter.paints(self.t)

    def close(self) -> None:
        Painter.closes()


@pytest.fixture(autouse=True)
def painter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def finished(what: Any, how: str = "paints") -> None:
        monkeypatch.setattr(Painter, how, staticmethod(what))

    gym.register("Painter-v0", Painter, disable_env_checker=True)
    yield finished
    del gym.registry["Painter-v0"]


def fails(*_: Any) -> Any:
    raise AttributeError("'NoneType' object has no attribute 'close'")


def exits(*_: Any) -> Any:
    raise SystemExit(7)


SHORT = ["--steps", "64", "--num-envs", "2", "--learning-starts", "32", "--batch-size", "8",
         "--hidden", "4", "--eval-every", "32", "--eval-episodes", "2", "--json"]  # fmt: skip


def trained(run: Path, *args: str) -> None:
    assert main(["train", "dqn", "--env", "Painter-v0", "--run", str(run), *SHORT, *args]) == 0


# -- images ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("drawn", "pixel"),
    [
        (RED, (200, 0, 0)),
        (RGBA, (200, 0, 0)),
        (GREY, (77, 77, 77)),
        (GREY[..., None], (77, 77, 77)),
        (RED.transpose(2, 0, 1), (200, 0, 0)),
        (RED / 255.0, (200, 0, 0)),
        (RED.astype(np.float32), (200, 0, 0)),
        (RED.astype(np.int64) * 9 - 1, (255, 0, 0)),
        (GREY > 0, (255, 255, 255)),
        ([GREY, RED], (200, 0, 0)),
        (Image.fromarray(RED), (200, 0, 0)),
    ],
)
def test_whatever_shows_one_picture_is_taken(drawn: Any, pixel: tuple[int, ...]) -> None:
    image = coloured(drawn)
    assert image.shape == (20, 30, 3) and image.dtype == np.uint8
    assert (image == pixel).all()
    if isinstance(drawn, np.ndarray):
        assert not np.shares_memory(image, drawn)  # it may be drawn over


NO_PICTURES = [
    None, [], "…", np.zeros(5), np.zeros((0, 4, 3)), np.zeros((2, 5, 6, 3)), np.array([["a"]]),
    np.zeros((5, 6, 2)), 7,
]  # fmt: skip


@pytest.mark.parametrize("drawn", NO_PICTURES, ids=range(len(NO_PICTURES)))
def test_what_shows_none_is_one_line(drawn: Any, painter: Any) -> None:
    painter(lambda t: drawn)
    with pytest.raises(UserError, match="Painter's render.. gave .*mend the env") as error:
        rendered(Painter(), "Painter")
    assert "\n" not in str(error.value)


FAULTS = {
    "raises": fails,
    "exits": exits,
    "none": lambda t: None,
    "raises later": lambda t: RED if t < 3 else fails(),
    "string": lambda t: "a cart",
}


def red(t: int) -> np.ndarray:
    """Of each time another one: a GIF makes equal images one."""
    image = RED.copy()
    image[0, 2 * t : 2 * t + 2] = 255
    return image


FINE = {
    "rgba": lambda t: np.concatenate([red(t), RGBA[..., 3:]], axis=2),
    "grey": lambda t: red(t)[..., 1],
    "float": lambda t: red(t) / 255,
    "list": lambda t: [red(t)] * (t + 1),
    "changes size": lambda t: red(t)[: 5 + t, : 30 - t],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_drawing_that_fails_stops_no_training(
    fault: str, painter: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    painter(FAULTS[fault])
    trained(run)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "preset" not in line]
    assert line.startswith("drl: warning: no video of an episode: Painter-v0")
    assert json.loads((run / "summary.json").read_text())["env_steps"] == 64
    assert not any(tag.startswith("episode/") for tag in read(run).Tags()["images"])
    assert main(["resume", str(run), "--steps", "96", "--json"]) == 0
    capsys.readouterr()
    out = tmp_path / "video.gif"
    assert main(["watch", str(run), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "Painter-v0" in line and "mend the env" in line and not out.exists()


@pytest.mark.parametrize("kind", FINE)
def test_odd_pictures_become_films(kind: str, painter: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    painter(FINE[kind])
    trained(run)
    for when in ("1_start", "3_end"):
        (event,) = read(run).Images(f"episode/{when}")
        assert Image.open(io.BytesIO(event.encoded_image_string)).n_frames == 10
    assert main(["watch", str(run), "--json"]) == 0
    with Image.open(run / "episode.gif") as video:
        first = coloured(FINE[kind](0)).shape
        assert video.size == (first[1], first[0])


# imageio leaves its pipes to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_video_of_pictures_that_change_their_size(painter: Any, tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    from imageio import v2

    painter(FINE["changes size"])
    trained(tmp_path / "run", "--log", "none")
    out = tmp_path / "video.mp4"
    assert main(["watch", str(tmp_path / "run"), "--out", str(out), "--json"]) == 0
    with v2.get_reader(out) as video:  # type: ignore[attr-defined]
        assert video.count_frames() == 10 and video.get_meta_data()["size"] == (30, 6)


def test_sizes_are_fitted_to_the_first() -> None:
    images = [np.full((h, w, 3), 9, np.uint8) for h, w in ((5, 7), (3, 3), (40, 7), (5, 7))]
    assert [p.shape for p in steady(images)] == [(5, 7, 3)] * 4
    assert [p.shape for p in steady(images, even=True)] == [(6, 8, 3)] * 4
    small = fitted(images[1], 5, 7)
    assert (small[1:4, 2:5] == 9).all() and small.sum() == 9 * 27  # in the middle, black around


def test_everything_is_saved_before_the_last_pictures(
    painter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing may take the process with it: what was learnt, and that it has ended, is there."""
    run, seen = tmp_path / "run", []

    def drawn(self: Pictures, when: str, env_steps: int) -> None:
        files = [path.name for path in run.rglob("*")]
        seen.append((when, "summary.json" in files, max(f for f in files if "step-" in f)))

    monkeypatch.setattr(Pictures, "_film", drawn)
    trained(run)
    assert seen == [
        ("1_start", False, "step-000000000000.safetensors"),
        ("2_middle", True, "step-000000000064.safetensors"),
        ("3_end", True, "step-000000000064.safetensors"),
    ]


# -- close() -----------------------------------------------------------------------------------
@pytest.mark.parametrize("close", [fails, exits])
def test_close_that_fails_costs_nothing(
    close: Any, painter: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In training, evaluations, videos, policies, watch; said once in each command."""
    painter(close, "closes")
    run = tmp_path / "run"
    trained(run)
    for args in (
        ["evaluate", str(run)],
        ["watch", str(run)],
        ["resume", str(run), "--steps", "96"],
    ):
        said = capsys.readouterr().err
        assert "drl: warning: Painter-v0 (environment 0)" in said and "close()" in said
        assert "nothing is lost by it" in said and "Traceback" not in said
        assert main(args) == 0
    assert json.loads((run / "summary.json").read_text())["env_steps"] == 96


def test_from_python_the_result_is_there(painter: Any) -> None:
    painter(fails, "closes")
    small: dict[str, Any] = {
        "steps": 64, "num_envs": 2, "learning_starts": 32, "eval_every": 32, "eval_episodes": 2,
        "hidden": (4,), "progress": False,
    }  # fmt: skip
    with pytest.warns(TrainingWarning, match=r"failed in close\(\) \(AttributeError: 'NoneType'"):
        result = train("dqn", Painter, **small)
    assert result.mean_reward == 9

    class Own(type(make("drl/Chain-v0", 1, 0))):  # type: ignore[misc]
        def close(self) -> None:
            fails()

    with pytest.warns(TrainingWarning, match="failed in close"):
        train("dqn", lambda num_envs, seed: Own(num_envs, seed), **small)


# -- restarts ----------------------------------------------------------------------------------
def test_evaluations_say_and_count_what_they_restart(
    painter: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Together with training's: at most ten in a run, wherever they happen."""
    step, calls = GymVector.step, []

    def breaking(self: GymVector, actions: np.ndarray) -> Any:
        calls.append(self.num_envs)
        if self.num_envs == 3 and calls.count(3) % 23 == 5:  # the evaluations'
            self.envs[1].env.unwrapped.t = None
        return step(self, actions)

    monkeypatch.setattr(GymVector, "step", breaking)
    run = tmp_path / "run"
    three = ["--eval-episodes", "3", "--log", "none"]
    trained(run, *three)
    said = capsys.readouterr()
    count = json.loads(said.out.splitlines()[-1])["env_restarts"]
    assert count == said.err.count("was restarted") > 0 and "TypeError" in said.err
    assert main(["evaluate", str(run), "--episodes", "3", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["env_restarts"] == said.err.count("was restarted") > 0

    with pytest.warns(EnvWarning, match="was restarted"):
        result = evaluate(lambda obs: np.zeros(3, int), make("Painter-v0", 3, seed=0), 6)
    assert result.restarts > 0 and result.lengths.tolist() == [9] * 6


def test_without_a_screen_mujoco_draws_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"):
        monkeypatch.setenv(name, ":0")  # put back afterwards
    for screen, given, then in (
        (None, None, "egl"),
        (None, "osmesa", "osmesa"),
        (":0", None, None),
    ):
        for name, value in (("DISPLAY", screen), ("WAYLAND_DISPLAY", None), ("MUJOCO_GL", given)):
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        drawing.headless()
        assert os.environ.get("MUJOCO_GL") == (then if sys.platform == "linux" else given)


def test_an_installed_packages_drawing_that_fails_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MuJoCo's, without OpenGL, would end the whole process at the second try."""
    asked = []

    class Cheetah:
        def render(self) -> None:
            asked.append(1)
            raise RuntimeError("an OpenGL platform library has not been loaded")

    monkeypatch.setattr(drawing, "_failed", {})
    monkeypatch.setattr(Cheetah, "__module__", "gymnasium.envs.cheetah")
    for id in ("Cheetah-v0", "Cheetah-v1"):
        with pytest.raises(UserError, match=rf"{id} failed in render.*MUJOCO_GL=egl"):
            drawing.rendered(Cheetah(), id)
    assert len(asked) == 1
    monkeypatch.setattr(Cheetah, "__module__", "cheetah")  # one's own, which may be mended
    for _ in range(2):
        with pytest.raises(UserError, match="failed in render"):
            drawing.rendered(Cheetah(), "Cheetah-v0")
    assert len(asked) == 3
