"""What videos need: drawing without a screen, and the complaint where nothing can be drawn."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from drl.errors import NoPictures, UserError
from drl.extras import how
from drl.named import is_installed
from drl.raised import said


def headless() -> None:
    """pygame looks for a screen and speakers, and greets on standard output: not here.

    Gymnasium takes MuJoCo's window for a canvas, and finds out too late that there is no screen.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    for device in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        os.environ.setdefault(device, "dummy")
    screens = map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))
    if sys.platform == "linux" and not any(screens):
        os.environ.setdefault("MUJOCO_GL", "egl")


def gymnasiums_canvas(id: str) -> Any:
    """One of Gymnasium's envs, to draw states of ours with: they are set in `unwrapped.state`."""
    import gymnasium as gym

    headless()
    env = gym.make(id, render_mode="rgb_array", disable_env_checker=True)
    env.reset()  # else it refuses to draw
    return env


def no_pictures(id: str) -> NoPictures:
    return NoPictures(f"{id} draws no images: see its score with 'drl evaluate'")


# installed package → what its drawing has failed with: it is not asked again, since the second try
# of MuJoCo's, where it finds no OpenGL, ends the whole process.  One's own env may be mended.
_failed: dict[str, str] = {}


def rendered(env: Any, id: str) -> np.ndarray:
    """A Gymnasium env's own image: (H, W, 3) uint8, the caller's.

    NoPictures where it has no `render` or its drawing package lacks, UserError where it raises or
    gives no image.
    """
    import gymnasium as gym

    package = type(getattr(env, "unwrapped", env)).__module__.rpartition(".")[0]
    if package in _failed:
        raise UserError(f"{id} {_failed[package]}")
    try:
        drawn = env.render()
    except gym.error.DependencyNotInstalled as error:
        raise NoPictures(f"{id} cannot be drawn ({error}): {how('video')}") from error
    except NotImplementedError as error:  # gymnasium.Env's own
        raise no_pictures(id) from error
    except (Exception, SystemExit) as error:
        told = said(error, installed=True)
        mend = "mend the env"
        if "OpenGL" in told:
            mend = "without a screen MuJoCo draws by MUJOCO_GL=egl or osmesa, or in xvfb-run -a"
        failed = f"failed in render() ({told}): {mend}"
        if package and is_installed(package):
            _failed[package] = failed
        raise UserError(f"{id} {failed}") from error
    try:
        return coloured(drawn)
    except (ValueError, TypeError) as error:
        raise UserError(f"{id}'s render() gave {error}: mend the env") from error


def coloured(drawn: Any) -> np.ndarray:
    """Whatever shows one image as (H, W, 3) uint8, a fresh array.

    Of a list of frames the last.  Grey is (H, W) or (H, W, 1); of RGBA the alpha is left out;
    floats are 0 to 1, or 0 to 255 where any is above 1; channels may come first.   ValueError,
    TypeError in words where it shows none.
    """
    if isinstance(drawn, list | tuple) and drawn:
        drawn = drawn[-1]
    if drawn is None or isinstance(drawn, str | bytes | list | tuple):
        raise TypeError(f"{type(drawn).__name__}, expected an image (render_mode 'rgb_array')")
    pixels = np.asarray(drawn)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4) and pixels.shape[0] in (1, 3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or not pixels.size:
        raise ValueError(f"an array of shape {np.shape(drawn)}, expected (height, width, 3)")
    if pixels.dtype.kind not in "bifu":
        raise TypeError(f"an array of {pixels.dtype}, expected uint8")
    if pixels.dtype.kind == "f":
        pixels = np.nan_to_num(pixels.astype(np.float64), posinf=255.0, neginf=0.0)
        pixels = pixels * (255.0 if pixels.max() <= 1 else 1.0)
        pixels = pixels.round()
    elif pixels.dtype.kind == "b":
        pixels = pixels * 255
    shown = np.empty((*pixels.shape[:2], 3), np.uint8)
    shown[:] = np.clip(pixels[:, :, :3], 0, 255)  # one channel is all three
    return shown
