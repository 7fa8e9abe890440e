"""What the loop asks of N environments side by side, and what our own vectorised environments
share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, NoReturn, Protocol

import numpy as np

from drl.errors import EnvFailed, UserError
from drl.state import fill
from envs import answers
from envs.answers import Wrong, said
from envs.drawing import no_pictures


class Step(NamedTuple):
    """One step of N environments.  Fresh arrays: later steps do not touch them."""

    obs: np.ndarray  # (N, *shape) to act on next; of a new episode where one has ended
    reward: np.ndarray  # (N,) float64
    terminated: np.ndarray  # (N,) bool: the environment ended; nothing comes after
    truncated: np.ndarray  # (N,) bool: the clock ended; the environment would have gone on
    final_obs: np.ndarray  # (N, *shape) the true next observation, also where an episode ended
    invalid: np.ndarray | None = None  # (N,) bool: environments restarted, whose step nobody knows


class VectorEnv(Protocol):
    """N environments side by side, reset within the step that ends them (Gymnasium's SAME_STEP)."""

    id: str
    num_envs: int
    observation_shape: tuple[int, ...]
    observation_dtype: Any  # float32; uint8 for images, bool for boards of yes and no
    actions: int
    first_action: int  # its number; actions are first_action … first_action + actions − 1
    stack: int  # images in one observation, along its last axis, the newest last
    reward_range: tuple[float, float] | None  # of one step, where the rules give it
    fps: float  # agent steps per second at which a person likes to watch
    restarts: list[str]  # why environments had to be restarted, one entry each time

    @property
    def observation_scale(self) -> tuple[float, ...] | None:
        """Factors that bring observations of bytes to 0 … 1; None: 1/255, they are images."""

    def prepare(self) -> None:
        """Once, before the first reset of envs that a run trains in and will have to save."""

    def reset(self) -> np.ndarray:
        """New episodes everywhere: (N, *shape).  The first is seeded, later ones go on."""

    def step(self, actions: np.ndarray) -> Step:
        """actions (N,), counted from first_action on."""

    def state(self) -> dict[str, Any] | None:
        """All that the future depends on; None where the environments cannot tell."""

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another environment's."""

    def image(self) -> np.ndarray:
        """Environment 0 as a person sees it: (H, W, 3) uint8.  UserError where nothing can be
        drawn."""

    def close(self) -> None:
        """Free what they hold."""


@dataclass
class NumpyEnv:
    """Base of our own environments: the clock, resets, the generator.  An environment adds its
    physics.

    State is (D, N) float64, a row per quantity: each line of physics is one array operation.
    What an environment's own methods return is copied: they may give views, and one buffer always.
    """

    id: str
    num_envs: int
    seed: int
    time_limit: int = 0  # agent steps until truncation; 0: none
    observation_shape: tuple[int, ...] = ()
    observation_dtype: Any = np.float32
    actions: int = 2
    stack: int = 1
    reward_range: tuple[float, float] | None = None  # of one step, where the rules give it
    fps: float = 30.0
    restarts: list[str] = field(default_factory=list)
    compiled: bool = False  # its loops, where it has some and numba is installed; the same numbers
    observation_scale: ClassVar[tuple[float, ...] | None] = None
    first_action = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.rows = self._initial(self.num_envs)
        self.elapsed = np.zeros(self.num_envs, np.int64)

    # -- an environment's own ----------------------------------------------------------------------
    def initial(self, count: int) -> np.ndarray:
        """States of `count` new episodes: (D, count)."""
        raise NotImplementedError

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """(D, N), (N,) → the next states, rewards (N,), terminated (N,)."""
        raise NotImplementedError

    def observe(self, rows: np.ndarray) -> np.ndarray:
        """(D, N) → observations (N, *shape)."""
        raise NotImplementedError

    # -- the same for all ---------------------------------------------------------------------
    def prepare(self) -> None:
        """Nothing needs to be found out: the state is all here."""

    def reset(self) -> np.ndarray:
        """New episodes everywhere: (N, *shape).   EnvFailed where its own methods fail."""
        try:
            self.rows = self._initial(self.num_envs)
            self.elapsed[:] = 0
            return self._observed(self.rows)
        except (Exception, SystemExit) as error:
            self._failed(error, "in a reset")

    def step(self, actions: np.ndarray) -> Step:
        """actions (N,) in 0 … actions − 1; what has ended begins anew in the same step."""
        try:
            return self._moved(actions)
        except (Exception, SystemExit) as error:
            self._failed(error, "in a step")

    def _moved(self, actions: np.ndarray) -> Step:
        self.rows, paid, over = self.advance(self.rows, actions.copy())
        reward = answers.rewards(paid, self.num_envs)
        terminated = answers.flags(over, self.num_envs, "terminated")
        self.elapsed += 1
        truncated = (
            self.elapsed >= self.time_limit if self.time_limit else np.zeros(self.num_envs, bool)
        )
        final_obs = self._observed(self.rows)
        (which,) = (terminated | truncated).nonzero()
        if not len(which):
            return Step(final_obs, reward, terminated, truncated, final_obs)
        fresh = self._initial(len(which))
        self.rows[:, which] = fresh
        self.elapsed[which] = 0
        obs = final_obs.copy(order="K")  # images lie in memory one after the other
        obs[which] = self._observed(fresh)
        return Step(obs, reward, terminated, truncated, final_obs)

    def _initial(self, count: int) -> np.ndarray:
        return np.array(self.initial(count))

    def _observed(self, rows: np.ndarray) -> np.ndarray:
        shape = (rows.shape[1], *self.observation_shape)
        dtype = np.dtype(self.observation_dtype)
        return answers.observation(self.observe(rows), shape, dtype, dtype).copy("K")

    def _failed(self, error: BaseException, when: str) -> NoReturn:
        """What an environment's own methods raised, or answered wrong, in one line."""
        if isinstance(error, UserError):
            raise error
        what = error if isinstance(error, Wrong) else f"failed {when} ({said(error)})"
        raise EnvFailed(f"{self.id} {what}: mend the env") from error

    def state(self) -> dict[str, Any] | None:
        """All that the future depends on."""
        return {
            "rows": self.rows.copy(),
            "elapsed": self.elapsed.copy(),
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another environment's."""
        fill(self.rows, state["rows"], f"{self.id} rows")
        fill(self.elapsed, state["elapsed"], f"{self.id} elapsed", low=0)
        self.rng.bit_generator.state = state["rng"]

    def image(self) -> np.ndarray:
        """Environment 0: (H, W, 3) uint8.   UserError where the environment does not draw
        itself."""
        raise no_pictures(self.id)

    def close(self) -> None:
        """Nothing is held."""
