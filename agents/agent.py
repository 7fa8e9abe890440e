"""The protocol of an agent, and what one is built for.  It knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from agents.evaluation import Watch
from agents.policy import SavedPolicy
from drl.environment import Step
from drl.experiment.task import Update
from drl.nn import Network

Values = Callable[[np.ndarray], np.ndarray]  # observations (N, *shape) → V (N,)


class Probe(Watch, Protocol):
    """A watch of an evaluation that has something to tell of it."""

    def metrics(self) -> Mapping[str, float]:
        """By TensorBoard name."""


class Agent(Protocol):
    """What the loop, evaluations and checkpoints ask of an agent in N environments."""

    updates: int
    """Gradient steps made."""
    net: Network
    """The network whose weights and gradients are logged."""

    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        """Actions to learn from: (N, *shape) → (N, *action shape), the environment's own."""

    def observe(self, obs: np.ndarray, action: np.ndarray, step: Step) -> None:
        """Remember one step of each environment, which `action` in `obs` has led to."""

    def due(self, env_steps: int) -> bool:
        """Whether a gradient step is due after so many env steps."""

    def learn(self) -> Update:
        """One gradient step."""

    def policy(self) -> SavedPolicy:
        """What has been learnt, as it acts in an evaluation; it changes with the agent."""

    def metrics(self, env_steps: int) -> Mapping[str, float]:
        """Numbers of the acting, by TensorBoard name, cheap enough for every point of a curve."""

    def probe(self) -> Probe | None:
        """Looks on at an evaluation, and tells what the value function is worth; None: nothing
        does."""

    def about(self) -> list[str]:
        """What people are told of it before training begins, in one line each."""

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        """The episodes under way in these environments (N,) bool, or in all, are restarted: drop
        what is open of them."""

    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there.   ValueError or KeyError where the state is another agent's."""


@dataclass(frozen=True)
class Setup:
    """What an agent is built for: its environments, the length of its run, the machine.

    observation_space, action_space  of ONE environment, Gymnasium's own objects
    frame_stack   images in one observation, along its last axis
    reward_range  of one step, as the environment declares it; None: it does not
    steps         env steps of the whole run, for schedules
    record        the environment as a run's settings have it, for policy files; None: unnamed
    own           the user's own parts, and by what name each is found again; None: there are none
    """

    observation_space: Any
    action_space: Any
    num_envs: int = 1
    seed: int = 1
    steps: int = 100_000
    frame_stack: int = 1
    reward_range: tuple[float, float] | None = None
    backend: str = "auto"
    dtype: str = "float32"
    device: str = "cpu"
    record: Mapping[str, Any] | None = None
    own: Mapping[str, str | None] | None = None
