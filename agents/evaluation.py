"""What a policy is worth: whole episodes, greedy, in environments of their own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from agents.dqn.config import MOST_STEPS, DQNConfig
from agents.training import Training
from drl.closing import close
from drl.environment import VectorEnv
from drl.errors import EnvFailed, EnvWarning

MOST_AT_ONCE = 100  # environments side by side in an evaluation, where nothing else is said
Policy = Callable[[np.ndarray], np.ndarray]  # (N, *shape) → actions (N,)


class Evaluation(NamedTuple):
    """One number for each episode."""

    returns: np.ndarray  # sum of rewards, undiscounted
    lengths: np.ndarray  # agent steps
    cut: int = 0  # episodes that had no end within max_steps
    restarts: int = 0  # environments that failed and were restarted; no such episode is counted

    @property
    def mean(self) -> float:
        """Of the returns."""
        return float(self.returns.mean())


def evaluate(
    policy: Policy, envs: VectorEnv, episodes: int, max_steps: int = MOST_STEPS
) -> Evaluation:
    """`episodes` episodes of the policy, (N, *shape) → actions (N,), from a fresh reset.

    Every environment plays its share, fixed beforehand: counting whichever episodes end first
    would favour the short ones.  An episode that has not ended after `max_steps` agent steps counts
    with what it has earned by then, and is its environment's last: EnvWarning.   ValueError below 1
    episode.
    """
    if episodes < 1:
        raise ValueError(f"evaluation needs at least 1 episode, got {episodes}")
    n = envs.num_envs
    share = np.full(n, episodes // n) + (np.arange(n) < episodes % n)
    returns: list[float] = []
    lengths: list[int] = []
    running, steps = np.zeros(n), np.zeros(n, np.int64)
    cut = played = 0  # episodes; steps of all environments
    failed = len(envs.restarts)
    obs, _ = envs.reset()
    while share.any():
        moved = envs.step(policy(obs))
        obs = moved.obs
        running += moved.reward
        steps += 1
        if moved.invalid is not None:  # these episodes began anew
            running[moved.invalid], steps[moved.invalid] = 0, 0
        ended = moved.terminated | moved.truncated
        if ended.any():
            counted = ended & (share > 0)
            returns += running[counted].tolist()
            lengths += steps[counted].tolist()
            share[counted] -= 1
            running[ended], steps[ended] = 0, 0
        played += 1
        if played >= max_steps:
            endless = (steps >= max_steps) & (share > 0)
            returns += running[endless].tolist()
            lengths += steps[endless].tolist()
            share[endless] = 0  # it cannot begin another
            cut += int(endless.sum())
    if cut:
        warnings.warn(
            f"{envs.id}: {cut} of {episodes} episodes of an evaluation had no end within "
            f"{max_steps:,} agent steps; scored by what {len(returns)} earned until there: give "
            "the env a time limit (gymnasium.wrappers.TimeLimit), or more steps (eval_max_steps)",
            EnvWarning,
            stacklevel=2,
        )
    restarts = len(envs.restarts) - failed
    return Evaluation(np.array(returns), np.array(lengths), cut, restarts)


def evaluate_fresh(
    policy: Policy, factory: Callable[..., Any], episodes: int, seed: int,
    watched: Callable[[Any], VectorEnv] = lambda envs: envs, at_once: int | None = None,
    max_steps: int = MOST_STEPS,
) -> Evaluation:  # fmt: skip
    """The same in environments of their own, which are closed afterwards.

    factory  makes them: factory(num_envs=…, seed=…)
    watched  what stands between them and the policy
    at_once  most of them that are open at the same time; none: MOST_AT_ONCE
    """
    envs = factory(num_envs=min(episodes, at_once or MOST_AT_ONCE), seed=seed)
    try:
        return evaluate(policy, watched(envs), episodes, max_steps)
    finally:
        close(envs)


def evaluate_agent(
    training: Training, factory: Callable[..., Any], config: DQNConfig, episodes: int, seed: int,
    watched: Callable[[Any], VectorEnv] = lambda envs: envs,
    body: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Evaluation:  # fmt: skip
    """The agent's greedy policy, where config.eval_envs says.

    0     in the training environments, whose episodes then begin anew (Training.lent)
    else  in so many of its own; what fails in them is counted with the training's restarts

    body  stands around the episodes, which change nothing that the run depends on

    EnvFailed where `factory` gives the training environments themselves.
    """
    policy = training.agent.greedy
    if config.eval_envs == 0:
        with training.lent() as lent, body():
            return evaluate(policy, watched(lent), episodes, config.eval_max_steps)

    def counted(envs: Any) -> VectorEnv:
        if envs is training.envs:
            raise EnvFailed(
                f"{envs.id} is made once and given again and again: give a function that makes "
                "new environments, or eval_envs=0 to evaluate in those of the training"
            )
        envs.restarts = training.envs.restarts
        return watched(envs)

    with body():
        return evaluate_fresh(
            policy, factory, episodes, seed, counted, config.eval_envs, config.eval_max_steps
        )
