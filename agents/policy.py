"""A policy: observations in, actions out; a file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agents.asked import actions_of, answer, finite, mask_of
from agents.parts import OwnNets
from agents.player import Memoryless, Player
from agents.setup import Setup
from drl.actions import Actions, ActionTable
from drl.encoding import Encoder
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.nn import Network
from drl.observed import Misfit, numbers
from drl.settings import plain
from drl.spaces import from_json, to_json, words


class SavedPolicy:
    """Base of the agents' policies: what is asked of them is checked here, and kept in one file.

    config  of the agent, a dataclass
    setup   what the agent is built for
    net     of the parameters that are kept
    own_nets  which of its networks the user's own parts have built, and their names

    `policy(obs)`, `predict`, `value`, `q`, `probs` and `log_prob` take observations as the
    environment gives them, of `observation_space`: one, or a batch of N.  `encoder` makes them an
    array (N, *shape), as a VectorEnv delivers it.  That is what the methods whose names end in
    `_batch` take, and a mask (N, A) bool or None, and check nothing.

    A kind of agent adds `act_batch`, and the other `_batch` methods where it knows what they say.
    """

    agent = ""
    """Its name in the table of agents, or its file; here where no training tells it."""
    actions: Actions | None = None
    """How what the agent chooses becomes the environment's actions; None: they are the same."""

    def __init__(
        self, config: Any, setup: Setup, net: Network, own_nets: OwnNets | None = None
    ) -> None:
        self.config, self.net, self.record = config, net, setup.record
        self.own_nets = {name: own for name, own in (own_nets or {}).items() if own}
        self.encoder = setup.encoder or Encoder(setup.observation_space, turned=False)
        self.observation_space, self.action_space = self.encoder.original, setup.action_space
        self.agent = setup.agent or type(self).agent
        self.shape: tuple[int, ...] = setup.observation_space.shape

    # -- an agent's own -----------------------------------------------------------------------
    def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """(N, *shape) → actions (N, *action shape), the environment's own."""
        raise UserError(
            f"{type(self).__name__} lacks `act_batch(obs, mask)`: (N, *shape) → N actions "
            "(agents.SavedPolicy)"
        )

    def value_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        """V(s), in the environment's rewards: (N, *shape) → (N,); None: it knows none."""
        return None

    def q_batch(self, obs: np.ndarray) -> np.ndarray | None:
        """Q(s, ·) of numbered actions, in the environment's rewards: (N, *shape) → (N, A); None: it
        knows none."""
        return None

    def q_of_batch(self, obs: np.ndarray, actions: np.ndarray) -> np.ndarray | None:
        """Q(s, a) of the environment's own actions (N, *action shape), in its rewards: (N,); None:
        it knows none."""
        return None

    def probs_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        """π(·|s) of Discrete actions: (N, *shape) → (N, A); None: it has no such table."""
        return None

    def log_prob_batch(
        self, obs: np.ndarray, actions: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray | None:
        """log π(a|s) of the environment's own actions (N, *action shape): (N,); None: it has no
        probabilities."""
        return None

    def player(self, count: int) -> Player:
        """The policy at the beginning of `count` episodes side by side, as evaluations and videos
        ask it: here one that remembers nothing of them."""
        return Memoryless(self.act_batch, self.value_batch, self.probs_batch, self.log_prob_batch)

    def at(self, state: Any, episode_start: Any, count: int) -> Player:
        """The policy in `count` episodes that have come to this state (RecurrentPolicy.predict);
        here there is none."""
        return self.player(count)

    def sampled(self, seed: int) -> SavedPolicy:
        """The same policy, whose actions are drawn from its probabilities by a generator with this
        seed.   UserError where it has none."""
        raise UserError(f"{self._certain()} to draw one by: leave `sample` out")

    def _without_q(self) -> str:
        """What is said where nobody knows Q(s, ·), or Q(s, a)."""
        return f"the policy of {self.agent} knows no Q(s, a): ask `value`"

    def _certain(self) -> str:
        """Why there are no probabilities."""
        return f"the policy of {self.agent} chooses the best action, it has no probabilities"

    def settings(self) -> dict[str, Any]:
        """What the network is built from, as JSON."""
        own = {f"own_{name}": own for name, own in self.own_nets.items()}
        return {"settings": plain(self.config)} | own

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
        batch, one, mask = self.asked(obs, mask)
        actions = self.act_batch(batch) if mask is None else self.act_batch(batch, mask)
        return actions[0] if one else actions

    def value(
        self, obs: Any, mask: np.ndarray | None = None, state: Any = ..., episode_start: Any = None
    ) -> np.ndarray:
        """V(s), in the environment's rewards: N observations → (N,); one gives a number.

        mask   the actions to choose from, as above
        state  of a policy that remembers its episodes (RecurrentPolicy.predict): what `predict`
               gave with the observations before, None where episodes begin; the other policies do
               not look at it, nor at `episode_start`

        UserError as above, and where the policy knows no values.
        """
        batch, one, mask = self.asked(obs, mask)
        v = self.at(state, episode_start, len(batch)).value(batch, mask)
        return answer(v, one, f"the policy of {self.agent} knows no values")

    def q(self, obs: Any, actions: Any = None) -> np.ndarray:
        """Q(s, ·) of numbered actions, in the environment's rewards: N observations → (N, A), one
        gives (A,); with `actions`, the environment's own, Q(s, a) of each: (N,), or a number.

        UserError as above, and where the policy knows no such values.
        """
        batch, one, _ = self.asked(obs)
        if actions is None:
            q = self.q_batch(batch)
        else:
            q = self.q_of_batch(batch, actions_of(actions, len(batch), one, self.action_space))
        return answer(q, one, self._without_q())

    def probs(
        self, obs: Any, mask: np.ndarray | None = None, state: Any = ..., episode_start: Any = None
    ) -> np.ndarray:
        """π(·|s) of Discrete actions: N observations → (N, A); one gives (A,).

        Arguments as of `value`.   UserError as above, and where the policy has no such table.
        """
        batch, one, mask = self.asked(obs, mask)
        p = self.at(state, episode_start, len(batch)).probs(batch, mask)
        return answer(p, one, self._certain())

    def log_prob(
        self, obs: Any, actions: Any, mask: np.ndarray | None = None, state: Any = ...,
        episode_start: Any = None,
    ) -> np.ndarray:  # fmt: skip
        """log π(a|s) of the environment's actions: N observations, N actions → (N,); one of each
        gives a number.   Of numbers (Box) it is a density, in units of half the space.

        Arguments as of `value`.   UserError as above, and where the policy has no probabilities.
        """
        batch, one, mask = self.asked(obs, mask)
        actions = actions_of(actions, len(batch), one, self.action_space)
        found = self.at(state, episode_start, len(batch)).log_prob(batch, actions, mask)
        return answer(found, one, self._certain())

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

    def asked(self, obs: Any, mask: Any = None) -> tuple[np.ndarray, bool, np.ndarray | None]:
        """Observations encoded (N, *shape), whether there was but one, and their mask (N, A) bool.
        UserError as above."""
        batch, one = self.batch(obs)
        return batch, one, mask_of(mask, len(batch), one, self.action_space)

    def batch(self, obs: Any) -> tuple[np.ndarray, bool]:
        """Observations encoded (N, *shape), and whether there was but one.   UserError as above."""
        try:
            if not self.encoder.plain:
                encoded, one = self.encoder.encode_batch(obs)
                return finite(encoded, self.encoder), one
            obs = numbers(obs)
        except Misfit as misfit:
            raise UserError(
                f"{misfit}; the policy takes {words(self.observation_space)}"
            ) from misfit
        one = obs.shape == self.shape
        if not one and obs.shape[1:] != self.shape:
            raise UserError(
                f"observations of shape {obs.shape}, the policy takes {self.shape} or a batch "
                f"(N, {', '.join(map(str, self.shape))})"
            )
        return finite(obs[None] if one else obs, self.encoder), one

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
