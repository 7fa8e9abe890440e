"""Images in a window, each for as long as it is meant to be seen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from drl.errors import UserError
from drl.extras import need

if TYPE_CHECKING:
    import numpy as np

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")  # any of them says where
UNSEEN = ("offscreen", "dummy")  # what SDL falls back to
HEIGHT = 480  # pixels that a small image is magnified to, at most


def shown(images: Iterable[np.ndarray], fps: float, title: str) -> Iterator[np.ndarray]:
    """The same images (H, W, 3) uint8, shown as they pass, until the window is closed.

    Escape and q close it.  UserError where there is no display.
    """
    need("video", "pygame")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import pygame

    try:
        if sys.platform == "linux" and not any(map(os.environ.get, DISPLAYS)):
            raise pygame.error("no display")  # asked nevertheless, SDL's drivers grumble
        pygame.display.init()
        driver = pygame.display.get_driver()
        if driver in UNSEEN and driver != os.environ.get("SDL_VIDEODRIVER"):
            raise pygame.error("no display answers")
        pygame.display.set_caption(title)
        window, clock = None, pygame.time.Clock()
        for image in images:
            if window is None:
                height, width, _ = image.shape
                zoom = max(1, HEIGHT // height)
                window = pygame.display.set_mode((zoom * width, zoom * height))
            surface = pygame.image.frombuffer(image.tobytes(), (width, height), "RGB")
            window.blit(pygame.transform.scale_by(surface, zoom), (0, 0))
            pygame.display.flip()
            yield image
            if any(_closes(event) for event in pygame.event.get()):
                return
            clock.tick(fps)
    except pygame.error as error:
        raise UserError(
            f"no window can be opened ({error}): leave out --window to write a video, or run where "
            "there is a display"
        ) from error
    finally:
        pygame.display.quit()


def _closes(event: object) -> bool:
    import pygame

    kind, key = getattr(event, "type", None), getattr(event, "key", None)
    return kind == pygame.QUIT or (kind == pygame.KEYDOWN and key in (pygame.K_ESCAPE, pygame.K_q))
