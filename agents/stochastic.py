"""Policies with probabilities: their most probable action, or one that is drawn."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from agents.policy import SavedPolicy
from drl.nn.ops import Array
from drl.rng import generator
from drl.spaces import words


class StochasticPolicy(SavedPolicy):
    """Base of policies that are a distribution over a network's outputs z.

    A kind of agent adds `mode`, `draw` and `log_prob_batch`, and takes `chosen` wherever it acts.
    """

    rng: np.random.Generator | None = None
    """Which draws the actions; None: the most probable ones are taken."""
    _drawing: StochasticPolicy | None = None  # of predict(deterministic=False)

    # -- an agent's own -----------------------------------------------------------------------
    def mode(self, z: Array, mask: np.ndarray | None = None) -> np.ndarray:
        """The most probable samples of z (N, D).   mask: (N, A), None: all are allowed."""
        raise NotImplementedError

    def draw(
        self, z: Array, rng: np.random.Generator, mask: np.ndarray | None = None
    ) -> np.ndarray:
        """Samples drawn by their probabilities; z and mask as of `mode`."""
        raise NotImplementedError

    # -- the same for all ---------------------------------------------------------------------
    def chosen(self, z: Array, mask: np.ndarray | None = None) -> np.ndarray:
        """The samples of z (N, D) by which it acts."""
        return self.mode(z, mask) if self.rng is None else self.draw(z, self.rng, mask)

    def sampled(self, seed: int) -> StochasticPolicy:
        """The same policy, of its parameters as they are whenever it is asked, whose actions are
        drawn by a generator with this seed."""
        drawing = copy.copy(self)
        drawing.rng, drawing._drawing = generator(seed, "policy"), None
        return drawing

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None,
        deterministic: bool = True, action_masks: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Any]:  # fmt: skip
        """As of every policy; deterministic=False draws the actions, by a generator of its own."""
        if deterministic or self.rng is not None:
            return super().predict(observation, state, episode_start, True, action_masks)
        if self._drawing is None:
            self._drawing = self.sampled(0)
        return self._drawing.predict(observation, state, episode_start, True, action_masks)

    def _certain(self) -> str:
        return (
            f"{words(self.action_space)} actions have no table of probabilities: ask log_prob of "
            "the actions that you mean"
        )
