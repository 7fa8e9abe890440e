"""What is the best that can be had in toy_text, by dynamic programming.

S states, A actions.  FrozenLake, CliffWalking and Taxi tell their tables (env.unwrapped.P);
Blackjack's cards are counted here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np


class Table(NamedTuple):
    """A finite problem."""

    T: np.ndarray  # (A, S, S) P(s′|s, a), without ends
    R: np.ndarray  # (S, A) E[r|s, a]
    start: np.ndarray  # (S,) P(s₀)
    steps: int  # agent steps of an episode at most
    masks: np.ndarray  # (S, A) bool, what is allowed


def table(env_id: str, most: int = 1_000, **kwargs: Any) -> Table:
    """Of a Gymnasium environment that has one.   most: steps, where it has no time limit."""
    env: Any = gym.make(env_id, **kwargs)
    inner = env.unwrapped
    S, A = env.observation_space.n, env.action_space.n
    T, R = np.zeros((A, S, S)), np.zeros((S, A))
    for s, actions in inner.P.items():
        for a, ways in actions.items():
            for p, s_next, r, over in ways:
                R[s, a] += p * r
                T[a, s, s_next] += p * (not over)
    masks = np.ones((S, A), bool)
    if hasattr(inner, "action_mask"):
        masks = np.array([inner.action_mask(s) for s in range(S)], bool)
    steps = env.spec.max_episode_steps or most
    env.close()
    return Table(T, R, np.array(inner.initial_state_distrib), steps, masks)


def action_values(known: Table, gamma: float) -> np.ndarray:
    """Q*(s, a) = R(s, a) + γ Σ_s′ P(s′|s, a) max_a′ Q*(s′, a′), by value iteration: (S, A).

    Sutton & Barto 2018, equation 4.20.
    """
    v = np.zeros(len(known.R))
    while True:
        q: np.ndarray = known.R + gamma * np.einsum("ast,t->sa", known.T, v)
        new = np.where(known.masks, q, -np.inf).max(axis=1)
        if abs(new - v).max() < 1e-12:
            return q
        v = new


def worth(known: Table, actions: np.ndarray | None = None) -> float:
    """E[Σ r] within the time limit; of π(s) = actions[s], (S,), or None: the best there is, which
    may look at the clock."""
    rows, v = np.arange(len(known.R)), np.zeros(len(known.R))
    for _ in range(known.steps):
        q = known.R + np.einsum("ast,t->sa", known.T, v)
        v = np.where(known.masks, q, -np.inf).max(axis=1) if actions is None else q[rows, actions]
    return float(known.start @ v)


def reachable(known: Table, actions: np.ndarray) -> np.ndarray:
    """The states in which π(s) = actions[s] has to choose: (S,) bool."""
    on_way = known.T[actions, np.arange(len(actions))]  # (S, S) P(s′|s, π(s))
    met = known.start > 0
    while True:
        more = met | ((met @ on_way) > 0)
        if (more == met).all():
            return met
        met = more


def share_optimal(known: Table, actions: np.ndarray, gamma: float) -> float:
    """Of the states that π reaches, in how many its action is a best one for γ."""
    q = action_values(known, gamma)
    best = np.where(known.masks, q, -np.inf).max(axis=1)
    right = q[np.arange(len(q)), actions] >= best - 1e-9
    return float(right[reachable(known, actions)].mean())


# -- Blackjack ------------------------------------------------------------------------------------
CARDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10]  # each as likely; 1 is an ace
Choice = Callable[[int, int, int], int]  # sum, dealer's card, usable ace → 0 stick, 1 hit


def drawn(total: int, ace: int, card: int) -> tuple[int, int]:
    """Sum and usable ace after one more card."""
    hard = total - 10 * ace + card
    return (hard + 10, 1) if (ace or card == 1) and hard + 10 <= 21 else (hard, 0)


@cache
def dealer(total: int, ace: int) -> dict[int, float]:
    """Sum of the dealer, who sticks from 17 on → probability; 0: bust."""
    if total > 21:
        return {0: 1.0}
    if total >= 17:
        return {total: 1.0}
    sums: dict[int, float] = {}
    for card in CARDS:
        for end, p in dealer(*drawn(total, ace, card)).items():
            sums[end] = sums.get(end, 0.0) + p / len(CARDS)
    return sums


def blackjack(choose: Choice | None = None) -> float:
    """E[r] of Blackjack-v1 as it is registered (sab=True: a natural beats all but a natural); None:
    of the best policy.   Sutton & Barto 2018, example 5.1."""
    return sum(_against(up, choose) for up in CARDS) / len(CARDS)


def _against(up: int, choose: Choice | None) -> float:
    """Where the dealer shows this card."""
    hands = [drawn(*drawn(0, 0, up), card) for card in CARDS]
    sums: dict[int, float] = {}
    for hand in hands:
        for end, p in dealer(*hand).items():
            sums[end] = sums.get(end, 0.0) + p / len(CARDS)
    natural = sum(total == 21 for total, _ in hands) / len(CARDS)

    def stick(total: int) -> float:
        return sum(p * ((total > end) - (total < end)) for end, p in sums.items())

    def hit(total: int, ace: int) -> float:
        return sum(value(*drawn(total, ace, card)) for card in CARDS) / len(CARDS)

    def chosen(total: int, ace: int, sticking: float) -> float:
        if choose is None:
            return max(sticking, hit(total, ace))
        return hit(total, ace) if choose(total, up, ace) else sticking

    @cache
    def value(total: int, ace: int) -> float:
        return -1.0 if total > 21 else chosen(total, ace, stick(total))

    dealt = [drawn(*drawn(0, 0, first), second) for first in CARDS for second in CARDS]
    values = [chosen(21, 1, 1 - natural) if hand == (21, 1) else value(*hand) for hand in dealt]
    return sum(values) / len(values)
