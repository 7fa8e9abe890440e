"""A policy: observations in, actions out; a file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agents.player import Memoryless, Player
from agents.setup import Setup
from drl.action_space import allows, mask_size
from drl.actions import Actions, ActionTable
from drl.encoding import Encoder
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.nn import Network
from drl.observed import Misfit
from drl.settings import plain
from drl.spaces import from_json, to_json, words


class SavedPolicy:
    """Base of the agents' policies: what is asked of them is checked here, and kept in one file.

    A kind of agent adds `act`; the rest where it is otherwise.

    config  of the agent, a dataclass
    setup   what the agent is built for
    net     of the parameters that are kept

    It is called with observations as the environment gives them, of `observation_space`, which
    `encoder` makes arrays of `shape`: those `act` and `value` take, as a VectorEnv delivers them.
    """

    agent = ""
    """Its name in the table of agents, or its file; here where no training tells it."""
    actions: Actions | None = None
    """How what the agent chooses becomes the environment's actions; None: they are the same."""

    def __init__(self, config: Any, setup: Setup, net: Network) -> None:
        self.config, self.net, self.record = config, net, setup.record
        self.encoder = setup.encoder or Encoder(setup.observation_space, turned=False)
        self.observation_space, self.action_space = self.encoder.original, setup.action_space
        self.agent = setup.agent or type(self).agent
        self.shape: tuple[int, ...] = setup.observation_space.shape

    # -- an agent's own -----------------------------------------------------------------------
    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """(N, *shape) → actions (N, *action shape), the environment's own; nothing is checked."""
        raise NotImplementedError

    def value(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        """V(s), in the environment's rewards: (N, *shape) → (N,); None: it knows none."""
        return None

    def player(self, count: int) -> Player:
        """The policy at the beginning of `count` episodes side by side, as evaluations and videos
        ask it: here one that remembers nothing of them."""
        return Memoryless(self.act, self.value)

    def probs(self, obs: Any, mask: np.ndarray | None = None) -> np.ndarray | None:
        """π(·|s) of Discrete actions: N observations → (N, A); one gives (A,).   None: it always
        takes the best action."""
        return None

    def sampled(self, seed: int) -> SavedPolicy:
        """The same policy, whose actions are drawn from its probabilities by a generator with this
        seed.   UserError where it has none."""
        raise UserError(
            f"the policy of {self.agent} chooses the best action, it has no probabilities to draw "
            "one by: leave `sample` out"
        )

    def settings(self) -> dict[str, Any]:
        """What the network is built from, as JSON."""
        return {"settings": plain(self.config)}

    def deterministic_net(self) -> Network:
        """A plain chain of layers by whose outputs the best action is chosen: what is exported.

        UserError where there is none.
        """
        if self.net.noisy or self.net.conditional:
            raise UserError(f"the policy of {self.agent} has no network that can be exported")
        return self.net

    # -- the same for all ---------------------------------------------------------------------
    def about(self) -> dict[str, Any]:
        """What an exported network's file says of its inputs and outputs, as JSON: under
        `observation` what is done to one (Encoder.description), the environment's `action_space`,
        and in `actions` the action of each output, where they are numbered."""
        table = self.actions.table.tolist() if isinstance(self.actions, ActionTable) else None
        numbered = {} if table is None else {"actions": table}
        observation = self.encoder.description()
        return {"observation": observation, "action_space": to_json(self.action_space)} | numbered

    def told(self) -> list[str]:
        """What people are told of it, in lines."""
        lines = {
            "observations": self.encoder.words(),
            "actions": "" if self.actions is None else self.actions.words(),
        }
        return [f"{what}: {done}" for what, done in lines.items() if done]

    def __call__(self, obs: Any, mask: np.ndarray | None = None) -> np.ndarray:
        """One observation gives one action; a batch gives N of them: an array (N, …), or arrays
        (N, …) in the Dict or Tuple that the environment has.

        mask  the actions to choose from, a row for each observation, of True and False or 1 and 0;
              None: all

        UserError on what is not of its space, on NaN or Inf, and on a mask that allows nothing.
        """
        batch, one = self.batch(obs)
        if mask is None:
            actions = self.act(batch)
        else:
            mask = np.asarray(mask)
            actions = self.act(batch, checked(mask[None] if one else mask, len(batch), self))
        return actions[0] if one else actions

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None,
        deterministic: bool = True, action_masks: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Any]:  # fmt: skip
        """The actions, and the state handed through: as Stable-Baselines3's policies are asked, and
        those of its sb3-contrib with masks."""
        return self(observation, action_masks), state

    def describe(self) -> str:
        """What it takes and what is done to that, the network's layers, what comes out."""
        spaces = f"{words(self.observation_space)} → {words(self.action_space)}"
        return "\n".join([spaces, *self.told(), self.net.describe()])

    def batch(self, obs: Any) -> tuple[np.ndarray, bool]:
        """Observations encoded (N, *shape), and whether there was but one.   UserError as above."""
        if not self.encoder.plain:
            try:
                encoded, one = self.encoder.encode_batch(obs)
            except Misfit as misfit:
                raise UserError(
                    f"{misfit}; the policy takes {words(self.observation_space)}"
                ) from misfit
            return finite(encoded), one
        obs = np.asarray(obs)
        one = obs.shape == self.shape
        if not one and obs.shape[1:] != self.shape:
            raise UserError(
                f"observations of shape {obs.shape}, the policy takes {self.shape} or a batch "
                f"(N, {', '.join(map(str, self.shape))})"
            )
        return finite(obs[None] if one else obs), one

    def taken(self, actions: Any, count: int, one: bool) -> np.ndarray:
        """The environment's own actions that belong to `count` observations, as an array (count,
        *action shape); where there is but one observation, one action.   UserError on other shapes.
        """
        given, shape = np.asarray(actions), (count, *self.action_space.shape)
        if given.shape != (shape[1:] if one else shape):
            raise UserError(
                f"actions of shape {given.shape} for {count} observations: give "
                f"{shape[1:] if one else shape}"
            )
        return given[None] if one else given

    def save(self, path: str | Path) -> None:
        """One safetensors file, written whole or not at all; no pickle.   OSError."""
        checkpoint.save(Path(path), self.state())

    def state(self) -> dict[str, Any]:
        """θ and the buffers, and all else that the policy is built from."""
        about = {
            "agent": self.agent,
            "env": None if self.record is None else dict(self.record),
            "observation_space": to_json(self.observation_space),
            "action_space": to_json(self.action_space),
            **({} if self.actions is None else self.actions.plain()),
            **self.settings(),
        }
        if not self.encoder.plain:
            about["channels"] = self.encoder.channels
            about["observations"] = self.encoder.words()
        return {"policy": about, **self.net.saved()}


def setup_from(state: Mapping[str, Any], backend: str = "auto", device: str = "cpu") -> Setup:
    """What the agent of a saved policy is built for, as `SavedPolicy.state` tells it.

    An error of drl.state.UNFIT where it does not.
    """
    about = state["policy"]
    space = from_json(about["observation_space"])
    encoded = "channels" in about  # else observations came as they are
    encoder = Encoder(space, about["channels"]) if encoded else Encoder(space, turned=False)
    return Setup(
        encoder.space, from_json(about["action_space"]), backend=backend,
        dtype=state["net"].dtype.name, device=device, record=about["env"], agent=about["agent"],
        encoder=encoder,
    )  # fmt: skip


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


def checked(mask: np.ndarray, count: int, policy: SavedPolicy) -> np.ndarray:
    """A mask as (count, A) bool (drl.action_space).   UserError where it is none, a row allows
    nothing, or the actions have no masks."""
    size = mask_size(policy.action_space)
    if size is None:
        raise UserError(f"a mask, and {words(policy.action_space)} actions have none: leave it out")
    shape = (count, size)
    if mask.shape != shape or not np.isin(mask, (0, 1)).all():
        raise UserError(
            f"a mask of {mask.dtype} {mask.shape}, the policy takes {shape} of True and False"
        )
    if not (some := allows(mask, policy.action_space)).all():
        raise UserError(f"the mask of observation {int(some.argmin())} allows nothing")
    return mask.astype(np.bool_)
