"""A policy: observations in, actions out; a file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from drl.errors import UserError
from drl.experiment import checkpoint
from drl.nn import Network
from drl.spaces import to_json

if TYPE_CHECKING:
    from gymnasium.spaces import Space


class Policy(Protocol):
    """What evaluations and videos ask of a policy."""

    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """A batch of observations, of the right shape: (N, *shape) → actions (N, *action shape)."""


class SavedPolicy:
    """Base of the agents' policies: what is asked of them is checked here, and kept in one file.

    A kind of agent adds `act`, and the settings that its network is built from.

    agent              its name in the table of agents
    observation_space  of one observation, Gymnasium's own
    action_space       of one action
    record             the environment, as a run's settings have it; None: unnamed
    """

    agent: ClassVar[str]

    def __init__(
        self, observation_space: Space[Any], action_space: Space[Any], net: Network,
        record: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.observation_space, self.action_space = observation_space, action_space
        self.net, self.record = net, record
        assert observation_space.shape is not None
        self.shape: tuple[int, ...] = observation_space.shape

    # -- an agent's own ----------------------------------------------------------------------------
    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """(N, *shape) → actions (N, *action shape), the environment's own; nothing is checked."""
        raise NotImplementedError

    def value(self, obs: np.ndarray) -> np.ndarray:
        """V(s), in the environment's rewards: (N, *shape) → (N,)."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """What the network is built from, as JSON."""
        raise NotImplementedError

    def deterministic_net(self) -> Network:
        """A plain chain of layers that gives what the best action is chosen by: what is exported.

        UserError where there is none.
        """
        raise NotImplementedError

    # -- the same for all ---------------------------------------------------------------------
    def __call__(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """One observation gives one action; a batch (N, *shape) gives N of them.

        UserError on another shape, and on NaN or Inf.
        """
        batch, one = self.batch(obs)
        if mask is not None and one:
            mask = np.asarray(mask)[None]
        actions = self.act(batch, mask)
        return actions[0] if one else actions

    def predict(
        self, observation: np.ndarray, state: Any = None, episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, Any]:  # fmt: skip
        """The actions, and the state handed through: as Stable-Baselines3's policies are asked."""
        return self(observation), state

    def batch(self, obs: np.ndarray) -> tuple[np.ndarray, bool]:
        """Observations (N, *shape), and whether there was but one.   UserError as above."""
        obs = np.asarray(obs)
        one = obs.shape == self.shape
        if not one and obs.shape[1:] != self.shape:
            raise UserError(
                f"observations of shape {obs.shape}, the policy takes {self.shape} or a batch "
                f"(N, {', '.join(map(str, self.shape))})"
            )
        return finite(obs[None] if one else obs), one

    def save(self, path: str | Path) -> None:
        """One safetensors file, written whole or not at all; no pickle.   OSError."""
        checkpoint.save(Path(path), self.state())

    def state(self) -> dict[str, Any]:
        """θ, and all else that the policy is built from."""
        about = {
            "agent": self.agent,
            "env": None if self.record is None else dict(self.record),
            "observation_space": to_json(self.observation_space),
            "action_space": to_json(self.action_space),
            **self.settings(),
        }
        return {"policy": about, "net": self.net.ops.numpy(self.net.params).copy()}


def finite(obs: np.ndarray) -> np.ndarray:
    """The observations (N, *shape).   UserError where one holds NaN or Inf: no action would be the
    best."""
    if obs.dtype.kind == "f" and not np.isfinite(obs).all():
        wrong = ~np.isfinite(obs).reshape(len(obs), -1).all(axis=1)
        raise UserError(
            f"observation {int(wrong.argmax())} holds NaN or Inf, a policy takes finite numbers: "
            "mend what it comes from"
        )
    return obs
