"""Gymnasium's environments whose states lie on a board, for pictures of what was learnt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from drl.board import Board

LEFT, DOWN, RIGHT, UP = (0, -1), (1, 0), (0, 1), (-1, 0)


def boards_of(env: Any) -> tuple[Board, ...]:
    """Of one environment; () where its states lie on none that is known, or what is around it shows
    other observations or takes other actions."""
    inner = getattr(env, "unwrapped", env)
    made = BOARDS.get(f"{type(inner).__module__}:{type(inner).__name__}")
    if made is None or env.observation_space != inner.observation_space:
        return ()
    return made(inner) if env.action_space == inner.action_space else ()


def _lake(env: Any) -> tuple[Board, ...]:
    """FrozenLake: an episode ends in a hole, H, and at the goal, G."""
    desc = env.desc.astype(str)
    letters = np.where(np.isin(desc, ("H", "G")), desc, "")
    return (Board("", np.arange(desc.size), letters, (LEFT, DOWN, RIGHT, UP)),)


def _cliff(env: Any) -> tuple[Board, ...]:
    """CliffWalking: nobody stands on the cliff, C."""
    letters = np.where(env._cliff, "C", "")
    letters[-1, -1] = "G"
    return (Board("", np.arange(letters.size), letters, (UP, RIGHT, DOWN, LEFT)),)


def _blackjack(env: Any) -> tuple[Board, ...]:
    """Blackjack: sums from 12 on, below which no card can hurt; Sutton & Barto 2018, figure 5.2."""
    sums, cards = np.arange(21, 11, -1), np.arange(1, 11)
    total, card = (each.ravel() for each in np.meshgrid(sums, cards, indexing="ij"))
    letters = np.full((len(sums), len(cards)), "", "<U1")
    named = tuple(map(str, sums)), ("A", *map(str, cards[1:])), "dealer's card", "sum"
    return tuple(
        Board(name, (total, card, np.full_like(total, ace)), letters, ("S", "H"), *named)
        for ace, name in ((1, "with a usable ace"), (0, "without a usable ace"))
    )


BOARDS: dict[str, Callable[[Any], tuple[Board, ...]]] = {
    "gymnasium.envs.toy_text.frozen_lake:FrozenLakeEnv": _lake,
    "gymnasium.envs.toy_text.cliffwalking:CliffWalkingEnv": _cliff,
    "gymnasium.envs.toy_text.blackjack:BlackjackEnv": _blackjack,
}
