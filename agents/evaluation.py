"""What a policy is worth: whole episodes, greedy, in environments of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from agents.training import VectorEnv

MOST_AT_ONCE = 100  # worlds side by side in an evaluation
Policy = Callable[[np.ndarray], np.ndarray]  # (N, *shape) → actions (N,)


class Evaluation(NamedTuple):
    """One number for each episode."""

    returns: np.ndarray  # sum of rewards, undiscounted
    lengths: np.ndarray  # agent steps

    @property
    def mean(self) -> float:
        """Of the returns."""
        return float(self.returns.mean())


def evaluate(policy: Policy, envs: VectorEnv, episodes: int) -> Evaluation:
    """`episodes` episodes of the policy, (N, *shape) → actions (N,), from a fresh reset.

    Every environment plays its share, fixed beforehand: counting whichever episodes end first
    would favour the short ones.   ValueError below 1 episode.
    """
    if episodes < 1:
        raise ValueError(f"evaluation needs at least 1 episode, got {episodes}")
    n = envs.num_envs
    share = np.full(n, episodes // n) + (np.arange(n) < episodes % n)
    returns: list[float] = []
    lengths: list[int] = []
    running, steps = np.zeros(n), np.zeros(n, np.int64)
    obs = envs.reset()
    while share.any():
        moved = envs.step(policy(obs))
        obs = moved.obs
        running += moved.reward
        steps += 1
        if moved.lost is not None:  # these episodes began anew
            running[moved.lost], steps[moved.lost] = 0, 0
        ended = moved.terminated | moved.truncated
        if ended.any():
            counted = ended & (share > 0)
            returns += running[counted].tolist()
            lengths += steps[counted].tolist()
            share[counted] -= 1
            running[ended], steps[ended] = 0, 0
    return Evaluation(np.array(returns), np.array(lengths))


def evaluate_fresh(
    policy: Policy, worlds: Callable[..., Any], episodes: int, seed: int,
    watched: Callable[[Any], VectorEnv] = lambda envs: envs,
) -> Evaluation:  # fmt: skip
    """The same in worlds of their own, which are closed afterwards.

    worlds   makes them: worlds(num_envs=…, seed=…)
    watched  what stands between them and the policy
    """
    envs = worlds(num_envs=min(episodes, MOST_AT_ONCE), seed=seed)
    try:
        return evaluate(policy, watched(envs), episodes)
    finally:
        envs.close()
