"""The contract of an environment: N of them side by side, stepped together.

Whoever learns and whoever is learnt in meet here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from drl.encoding import Encoder
from drl.errors import UserError

if TYPE_CHECKING:
    from gymnasium.spaces import Space

Info = Mapping[str, np.ndarray]  # name → (N, …), a row for each environment
NO_INFO: Info = {}


class Step(NamedTuple):
    """One step of N environments.  Fresh arrays: later steps do not touch them."""

    obs: np.ndarray  # (N, *shape) to act on next; of a new episode where one has ended
    reward: np.ndarray  # (N,) float64
    terminated: np.ndarray  # (N,) bool: the environment ended; nothing comes after
    truncated: np.ndarray  # (N,) bool: the clock ended; the environment would have gone on
    final_obs: np.ndarray  # (N, *shape) the true next observation, also where an episode ended
    # of `obs`: action_mask (N, A) …, as drl.action_space has it; of `final_obs`: final_action_mask;
    # of episodes that have ended: is_success (N,)
    info: Info = NO_INFO
    invalid: np.ndarray | None = None  # (N,) bool: environments restarted, whose step is unknown

    @property
    def mask(self) -> np.ndarray | None:
        """Actions that `obs` allows, (N, A) bool; None: all."""
        return self.info.get("action_mask")

    @property
    def final_mask(self) -> np.ndarray | None:
        """Actions that `final_obs` allows, (N, A) bool; None: all."""
        return self.info.get("final_action_mask", self.mask)

    @property
    def success(self) -> np.ndarray | None:
        """Whether the episodes that have ended were a success: (N,) 1 or 0, NaN where none has
        ended or the environment does not say; None: none does."""
        return self.info.get("is_success")


class VectorEnv(Protocol):
    """N environments side by side, reset within the step that ends them (Gymnasium's SAME_STEP)."""

    id: str
    num_envs: int
    frame_stack: int  # images in one observation, along its last axis, the newest last
    reward_range: tuple[float, float] | None  # of one step, where the rules give it
    fps: float  # agent steps per second at which a person likes to watch
    restarts: list[str]  # why environments had to be restarted, one entry each time

    @property
    def observation_space(self) -> Space[Any]:
        """Of ONE environment; observations come in its shape and dtype.  Where they are made from
        those of another space, `encoder` (drl.encoding.Encoder) says how: see `encoder_of`."""

    @property
    def action_space(self) -> Space[Any]:
        """Of ONE environment: Discrete, MultiDiscrete, MultiBinary or Box; actions go in as it has
        them, of its shape and dtype."""

    def prepare(self) -> None:
        """Once, before the first reset of envs that a run trains in and will have to save."""

    def reset(self) -> tuple[np.ndarray, Info]:
        """New episodes everywhere: (N, *shape).  The first is seeded, later ones go on."""

    def step(self, actions: np.ndarray) -> Step:
        """actions (N, *action shape), those of the action space."""

    def state(self) -> dict[str, Any] | None:
        """All that the future depends on; None where the environments cannot tell."""

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another environment's; NotRepeated where it
        does not come out where it was."""

    def render(self) -> np.ndarray:
        """Environment 0 as a person sees it: (H, W, 3) uint8.  UserError where nothing can be
        drawn."""

    def close(self) -> None:
        """Free what they hold."""


def encoder_of(envs: VectorEnv) -> Encoder:
    """What makes observations of one environment's own space those that are delivered: `encoder`,
    where environments have one; else nothing is done.

    UserError where what is delivered is no Box.
    """
    encoder: Encoder | None = getattr(envs, "encoder", None)
    return encoder or Encoder(envs.observation_space, turned=False)


class GoalRules(Protocol):
    """What a goal environment pays where some goal is achieved and another is desired, whichever
    goals are asked about: B of each, batched as Gymnasium does."""

    def reward(self, achieved: Any, desired: Any) -> np.ndarray:
        """(B,) float64.   EnvFailed where it has none."""

    def terminated(self, achieved: Any, desired: Any) -> np.ndarray | None:
        """(B,) bool, whether the episode ends there; None: that does not depend on the goal."""


def goal_rules_of(envs: VectorEnv) -> GoalRules | None:
    """Those of environments that have some: `goal_rules`."""
    rules: GoalRules | None = getattr(envs, "goal_rules", None)
    return rules


class LastImage:
    """What environment 0 looks like where its episode has ended and the next has not yet begun,
    within one step: drawn by `draw`, where the environments have that moment (`on_end`).

    images  it, or nothing: also where an environment cannot be drawn any more then
    """

    def __init__(self, envs: VectorEnv, draw: Callable[[], np.ndarray]) -> None:
        self.draw, self.images = draw, list[np.ndarray]()
        if hasattr(envs, "on_end"):
            envs.on_end = self._look

    def _look(self) -> None:
        with suppress(UserError):
            self.images = [self.draw()]


class EnvFactory(Protocol):
    """Makes N environments side by side, as often as it is asked: for training, and for each
    evaluation.   envs.source gives one."""

    def __call__(self, *, num_envs: int, seed: int, drawn: bool = False) -> VectorEnv:
        """`num_envs` environments, seeded.   drawn: `render` will be asked for."""
