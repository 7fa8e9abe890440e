"""What films need: drawing without a screen, and the complaint where nothing can be drawn."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from drl.errors import UserError


def headless() -> None:
    """pygame looks for a screen and speakers, and greets on standard output: not here."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    for device in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        os.environ.setdefault(device, "dummy")


def no_pictures(id: str) -> UserError:
    return UserError(f"{id} draws no pictures: see its score with 'drl evaluate'")


def rendered(env: Any, id: str) -> np.ndarray:
    """A Gymnasium env's own picture (H, W, 3) uint8.  UserError where its drawing package lacks."""
    import gymnasium as gym

    try:
        picture = np.array(env.render())  # it may draw into one buffer always
    except gym.error.DependencyNotInstalled as error:
        raise UserError(
            f"{id} cannot be drawn ({error}): pip install 'drl-toolkit[video]'"
        ) from error
    return picture
