"""How observations are kept in a replay memory: as they are, or each image once.

Those of 0 and 1 are kept as numbers or bits: agents.memory.one_hot.  Those with pictures beside
other numbers are kept once too: agents.memory.packed.  A rollout keeps them by the storages whose
keys are all there is (Stateless).

A storage turns observations into keys on their way in (`encode`) and back on their way out
(`decode`); in between, n-step windows and the memory handle only keys.

Shapes: N environments, B keys.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from agents.memory.growing import with_rows
from drl.state import fill, whole


class ObservationStorage(Protocol):
    """Observations ↔ keys."""

    key_shape: tuple[int, ...]  # of one key
    key_dtype: Any
    key_range: tuple[float, float]  # least and largest number of a key

    @property
    def nbytes(self) -> int:
        """Of memory, when full, beside the keys."""

    @property
    def first_kept(self) -> int:
        """Observations of keys whose first number is below this have been overwritten."""

    def encode(
        self, s: np.ndarray, s_next: np.ndarray, ended: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Keys (N, *key_shape) of observations s and of the true next ones, s_next (N, *shape).

        ended (N,): the episode ended with s_next, and the next s is the first of another.
        """

    def decode(self, keys: np.ndarray) -> np.ndarray:
        """Observations (B, *shape) of keys (B, *key_shape)."""

    def interrupt_episodes(self) -> None:
        """Every next observation is the first of an episode."""

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


class Stateless:
    """Base of storages whose keys are all there is: the memory's own arrays hold them."""

    key_shape: tuple[int, ...]
    key_dtype: Any
    key_range: tuple[float, float] = (-math.inf, math.inf)
    nbytes = 0
    first_kept = 0

    def keys(self, s: np.ndarray) -> np.ndarray:
        """Observations (N, *shape) → keys (N, *key_shape)."""
        raise NotImplementedError

    def decode(self, keys: np.ndarray) -> np.ndarray:
        """Keys (B, *key_shape) → observations (B, *shape)."""
        raise NotImplementedError

    def encode(
        self, s: np.ndarray, s_next: np.ndarray, ended: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return self.keys(s), self.keys(s_next)

    def interrupt_episodes(self) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


class ArrayStorage(Stateless):
    """An observation of a few numbers is its own key.

    shape, dtype  of one observation
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.key_shape, self.key_dtype = shape, np.dtype(dtype)

    def keys(self, s: np.ndarray) -> np.ndarray:
        return s

    def decode(self, keys: np.ndarray) -> np.ndarray:
        return keys


class FrameStorage:
    """A ring of images, each kept once; the key of an observation is the numbers of its images.

    s and s′ share all but one image, as do observations that follow one another, and n-step
    windows: their keys are rows of numbers, and no image is copied.  An episode's first observation
    brings its own images, and its last a next observation that no later one continues, so that
    nothing reaches across an end.  Images are numbered from 0 for ever; number p lies in row p %
    rows.

    rows      images kept, besides the slack
    shape     of an observation: (H, W, C·stack), its images along the last axis, newest last
    dtype     of a pixel
    stack     images of an observation
    num_envs  N
    slack     images that may lie between the first ones of two transitions kept side by side
    expected  images that will be kept, where they are fewer than `rows`: room is made for them at
              once, and for more as they come

    ValueError where the shape does not divide into `stack` images.
    """

    key_range = (-math.inf, math.inf)

    def __init__(
        self, rows: int, shape: tuple[int, ...], dtype: Any, stack: int, num_envs: int, slack: int,
        expected: int | None = None,
    ) -> None:  # fmt: skip
        if len(shape) != 3 or shape[2] % stack:
            raise ValueError(f"{stack} images do not make an observation of shape {shape}")
        self.shape, self.stack, self.slack = shape, stack, slack
        self.channels = shape[2] // stack
        self.rows = rows + slack
        made = self.rows if expected is None else min(self.rows, expected + slack)
        self.frames = np.zeros((made, *shape[:2], self.channels), dtype)
        self.key_shape: tuple[int, ...] = (stack,)
        self.key_dtype = np.dtype(np.int64)
        self.pushed = 0  # images ever
        self.starts = np.ones(num_envs, bool)  # the next observation is an episode's first
        self.keys = np.zeros((num_envs, stack), np.int64)  # of the newest observations

    @property
    def nbytes(self) -> int:
        return self.frames.nbytes

    @property
    def first_kept(self) -> int:
        return self.pushed - self.rows + self.slack

    def encode(
        self, s: np.ndarray, s_next: np.ndarray, ended: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        for i in np.flatnonzero(self.starts):
            self.keys[i] = self._first_key(s[i])
        keys = self.keys
        newest = self._push(s_next[..., -self.channels :])
        self.keys = np.concatenate([keys[:, 1:], newest[:, None]], axis=1)
        self.starts = ended
        return keys, self.keys

    def decode(self, keys: np.ndarray) -> np.ndarray:
        images = self.frames.take(keys % self.rows, axis=0)  # (B, stack, H, W, C)
        if self.stack == 1:
            return images[:, 0]
        return images.transpose(0, 2, 3, 1, 4).reshape(len(keys), *self.shape)

    def interrupt_episodes(self) -> None:
        self.starts = np.ones_like(self.starts)

    def _first_key(self, s: np.ndarray) -> list[int]:
        """The key of an episode's first observation s (H, W, C·stack): of equal images in a row one
        is kept."""
        images = [s[..., j : j + self.channels] for j in range(0, self.shape[2], self.channels)]
        numbers: list[int] = []
        for j, image in enumerate(images):
            if j and np.array_equal(image, images[j - 1]):
                numbers.append(numbers[-1])
            else:
                numbers.append(int(self._push(image[None])[0]))
        return numbers

    def _push(self, images: np.ndarray) -> np.ndarray:
        """Keep the images (N, H, W, C); their numbers, (N,)."""
        numbers = np.arange(self.pushed, self.pushed + len(images))
        self._make_room(self.pushed + len(images))
        self.frames[numbers % self.rows] = images
        self.pushed += len(images)
        return numbers

    def _make_room(self, pushed: int) -> None:
        """For so many images ever."""
        self.frames = with_rows(self.frames, min(pushed, self.rows), self.rows)

    def state(self) -> dict[str, Any]:
        return {
            "frames": self.frames[: min(self.pushed, self.rows)],  # a view: large
            "pushed": self.pushed,
            "starts": self.starts.copy(),
            "keys": self.keys.copy(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        pushed = whole(state, "pushed")
        filled = min(pushed, self.rows)
        self._make_room(min(filled, len(state["frames"])))
        fill(self.frames[:filled], state["frames"], "replay frames")
        fill(self.starts, state["starts"], "replay starts")
        fill(self.keys, state["keys"], "replay keys", 0, max(pushed - 1, 0))
        self.pushed = pushed
