"""Policies that remember: what they do depends on all that they have seen of an episode."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from agents.player import Player
from agents.policy import SavedPolicy
from drl.environment import Step
from drl.errors import UserError


class RecurrentPolicy(SavedPolicy):
    """Base of policies with a state, which begins at 0 with each episode.

    A kind of agent adds `state_size` and `step`, and the methods whose names end in `_after` where
    it knows what they say.  States are arrays (N, state_size) of the network's precision.

    Asked for an action, `predict` gives the state to go on with.  `value`, `probs` and `log_prob`
    take the same `state` and `episode_start`, and leave the episode where it is.
    """

    # -- an agent's own -----------------------------------------------------------------------
    @property
    def state_size(self) -> int:
        """Numbers of the state of one episode."""
        raise NotImplementedError

    def step(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Observations (N, *shape) and the states before them → actions (N, *action shape), the
        environment's own, and the states after them; nothing is checked."""
        raise NotImplementedError

    def value_after(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray | None:
        """V of observations (N, *shape) that come next after the states h, in the environment's
        rewards: (N,); None: it knows none."""
        return None

    def probs_after(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray | None:
        """π(·|s, h) of them, of Discrete actions: (N, A); None: it has no such table."""
        return None

    def log_prob_after(
        self, obs: np.ndarray, actions: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray | None:
        """log π(a|s, h) of them and of the environment's own actions: (N,); None: it has no
        probabilities."""
        return None

    # -- the same for all ---------------------------------------------------------------------
    def initial(self, count: int) -> np.ndarray:
        """The states at the beginning of `count` episodes: zeros (count, state_size)."""
        return np.zeros((count, self.state_size), self.net.ops.numpy(self.net.params).dtype)

    def player(self, count: int) -> Remembering:
        return Remembering(self, self.initial(count))

    def at(self, state: Any, episode_start: Any, count: int) -> Remembering:
        if state is ...:
            self.forgetful()
        return Remembering(self, self._states(state, episode_start, count))

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None,
        deterministic: bool = True, action_masks: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """The actions, and the state to give with the next observations.

        As Stable-Baselines3's and sb3-contrib's policies are asked: one observation gives one
        action, a batch gives N of them.

        state          what the call before gave; None: all episodes begin
        episode_start  (N,) where an episode begins all the same: its state is not looked at
        action_masks   the actions to choose from, as of a policy that remembers nothing

        UserError where one of them does not fit.
        """
        batch, one, mask = self.asked(observation, action_masks)
        player = self.at(state, episode_start, len(batch))
        actions = player.act(batch, mask)
        return actions[0] if one else actions, player.h

    def _states(self, state: Any, episode_start: Any, count: int) -> np.ndarray:
        """Those before the step, (count, state_size)."""
        h = self.initial(count)
        if state is not None:
            if np.shape(state) != h.shape:
                raise UserError(
                    f"a state of shape {np.shape(state)} for {count} observations, expected "
                    f"{h.shape}: what `predict` gave before, or None where episodes begin"
                )
            h = np.asarray(state, h.dtype)
        if episode_start is not None:
            begins = np.asarray(episode_start, np.bool_).reshape(-1)
            if len(begins) != count:
                raise UserError(f"{len(begins)} `episode_start` for {count} observations")
            h = np.where(begins[:, None], 0, h)
        return h

    def __call__(self, obs: Any, mask: np.ndarray | None = None) -> np.ndarray:
        self.forgetful()

    def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        self.forgetful()

    def forgetful(self) -> NoReturn:
        """UserError: what was asked for is not known without a state."""
        raise UserError(
            f"this policy of {self.agent} remembers what it has seen of an episode, and needs its "
            "state besides: `actions, state = policy.predict(obs, state)`, `value(obs, "
            "state=state)`, with None where episodes begin"
        )


class Remembering(Player):
    """The player of a policy with a state: h (N, S), of the episodes that it plays."""

    def __init__(self, policy: RecurrentPolicy, h: np.ndarray) -> None:
        self.policy, self.h = policy, h

    def act(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        actions, self.h = self.policy.step(obs, self.h, mask)
        return actions

    def value(
        self, obs: np.ndarray, mask: np.ndarray | None = None, which: np.ndarray | None = None
    ) -> np.ndarray | None:
        return self.policy.value_after(obs, self.h if which is None else self.h[which], mask)

    def probs(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        return self.policy.probs_after(obs, self.h, mask)

    def log_prob(
        self, obs: np.ndarray, actions: np.ndarray, mask: np.ndarray | None = None
    ) -> np.ndarray | None:
        return self.policy.log_prob_after(obs, actions, self.h, mask)

    def see(self, step: Step) -> None:
        self.h = kept(self.h, step)


def kept(h: np.ndarray, step: Step) -> np.ndarray:
    """The states (N, S) after a step: 0 where another episode begins."""
    begins = step.terminated | step.truncated
    if step.invalid is not None:
        begins |= step.invalid
    return np.where(begins[:, None], h.dtype.type(0), h) if begins.any() else h
