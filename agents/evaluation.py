"""What a policy is worth: whole episodes, greedy, in environments of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from agents.config import DQNConfig
from agents.training import VectorEnv

CONFIRM_EPISODES = 100  # "solved" is a mean over this many
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


def check(config: DQNConfig, greedy: Callable[[int], Evaluation]) -> tuple[Evaluation, bool]:
    """A greedy check, and whether the worlds are solved.

    Where `eval_episodes` reach confirm_at (or solved_at), CONFIRM_EPISODES more decide: the best of
    many checks flatters itself.

    greedy  plays so many episodes, each time in fresh worlds
    """
    result = greedy(config.eval_episodes)
    confirm_at = config.solved_at if config.confirm_at is None else config.confirm_at
    if config.solved_at is None or confirm_at is None or result.mean < confirm_at:
        return result, False
    result = greedy(CONFIRM_EPISODES)
    return result, result.mean >= config.solved_at
