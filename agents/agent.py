"""The protocol of an agent.  It knows none of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from agents.evaluation import Watch
from agents.policy import SavedPolicy
from drl.environment import Step
from drl.errors import UserError
from drl.experiment.task import Update
from drl.nn import Network


class Probe(Watch, Protocol):
    """A watch of an evaluation that has something to tell of it."""

    def metrics(self) -> Mapping[str, float]:
        """By TensorBoard name."""


class Agent(Protocol):
    """What the loop, evaluations and checkpoints ask of an agent in N environments.

    An agent that derives from this class has the methods that come with a body; the others, which
    are abstract, are its own to write.
    """

    net: Network
    """The network whose weights and gradients are logged."""
    updates: int = 0
    """Gradient steps made."""

    # -- its own ------------------------------------------------------------------------------
    @abstractmethod
    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        """Actions to learn from: (N, *shape) → (N, *action shape), the environment's own.

        mask  (N, A) bool, the actions to choose from; None where the environment tells none
        """

    @abstractmethod
    def observe(self, obs: np.ndarray, action: np.ndarray, step: Step) -> None:
        """Remember one step of each environment, which `action` in `obs` has led to."""

    @abstractmethod
    def due(self, env_steps: int) -> bool:
        """Whether a gradient step is due after so many env steps.

        The loop drains what is due before it goes on, or pauses: no checkpoint falls into a phase
        of several (epochs over a rollout).
        """

    @abstractmethod
    def learn(self) -> Update:
        """One gradient step; the last of a phase tells of the whole phase (Update.metrics)."""

    @abstractmethod
    def policy(self) -> SavedPolicy:
        """What has been learnt, as it acts in an evaluation; it changes with the agent."""

    @abstractmethod
    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        """The episodes under way in these environments (N,) bool, or in all, are restarted: drop
        what is open of them."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""

    @abstractmethod
    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there.   ValueError or KeyError where the state is another agent's."""

    # -- as it is for most --------------------------------------------------------------------
    def metrics(self, env_steps: int) -> Mapping[str, float]:
        """Numbers of the acting, by TensorBoard name, cheap enough for every point of a curve."""
        return {}

    def probe(self) -> Probe | None:
        """Looks on at an evaluation, and tells what the value function is worth; None: nothing
        does."""
        return None

    def about(self) -> list[str]:
        """What people are told of it before training begins, in one line each."""
        return []

    def init_from(self, policy: SavedPolicy) -> None:
        """θ ← the policy's: a new training that begins where another has led.

        ValueError where its network is another.
        """
        self.net.restore(policy.net.saved())

    def whole_steps(self, steps: int) -> int:
        """Env steps to train for, at least `steps`: rounded up to whole rollouts where it learns
        from those, since it learns nothing from part of one."""
        return steps

    @property
    def nbytes(self) -> int:
        """Bytes of memory that fill as training goes on."""
        return 0


def require_agent(agent: Any, name: str) -> None:
    """UserError unless it has what the loop, evaluations and checkpoints ask for."""
    own = {"net", "updates", "metrics", "probe", "about", "whole_steps"}
    needed = own | Agent.__abstractmethods__
    if missing := sorted(attribute for attribute in needed if not hasattr(agent, attribute)):
        raise UserError(
            f"what {name} builds is no agent: it lacks {', '.join(missing)} (agents.Agent says "
            "what each does)"
        )


def require_same_meaning(mine: Any, its: Any, names: Sequence[str]) -> None:
    """ValueError where two configs differ in one of these settings, which say what parameters
    compute and in which unit."""
    for name in names:
        if getattr(mine, name) != getattr(its, name):
            raise ValueError(f"{name} is {getattr(its, name)} there, {getattr(mine, name)} here")
