"""Environments of other packages that need a line or two of a user's, for third_party.py."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np


def treasure() -> Any:
    """Several aims, weighed."""
    import mo_gymnasium
    from mo_gymnasium.wrappers import LinearReward

    return LinearReward(mo_gymnasium.make("deep-sea-treasure-v0"), np.array([0.9, 0.1]))


def crafter() -> Any:
    """Of the old gym package, wrapped as the refusal says, with the `seed` that it lacks."""
    import crafter as package
    from shimmy import GymV21CompatibilityV0

    class Seeded(package.Env):  # type: ignore[name-defined,misc]
        def seed(self, seed: int) -> None:
            self._seed, self._episode = seed, 0

    return GymV21CompatibilityV0(env=Seeded())


def connect_four() -> Any:
    """A game of two, the second at random: a Dict with a board and a mask."""
    from pettingzoo.classic import connect_four_v3

    return Alone(connect_four_v3.env())


class Alone(gym.Env[Any, int]):
    """The first player of a PettingZoo game; the others move at random, all as the masks allow."""

    def __init__(self, game: Any) -> None:
        self.game = game
        game.reset(seed=0)
        self.me = game.possible_agents[0]
        self.observation_space = game.observation_space(self.me)
        self.action_space = game.action_space(self.me)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """A new game."""
        super().reset(seed=seed)
        self.game.reset(seed=int(self.np_random.integers(2**31)))
        return self._mine()[:1] + self._mine()[4:]

    def step(self, action: int) -> Any:
        """Mine, and the others'."""
        self.game.step(int(action))
        while self.game.agent_selection != self.me:
            obs, _, over, cut, _ = self.game.last()
            allowed = np.flatnonzero(obs["action_mask"])
            self.game.step(None if over or cut else int(self.np_random.choice(allowed)))
        return self._mine()

    def _mine(self) -> Any:
        obs, reward, over, cut, _ = self.game.last()
        return obs, float(reward), bool(over), bool(cut), {"action_mask": obs["action_mask"]}
