"""What a policy is worth: whole episodes, greedy, in environments of their own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from agents.config import MOST_STEPS
from agents.player import Act, Player, Policy, player_of
from drl.closing import close
from drl.environment import EnvFactory, Step, VectorEnv
from drl.errors import EnvWarning

MOST_AT_ONCE = 100  # environments side by side in an evaluation, where nothing else is said


class Watch(Protocol):
    """Looks at an evaluation, and changes nothing of it."""

    def begin(self, player: Player, obs: np.ndarray, mask: np.ndarray | None = None) -> None:
        """It begins in obs (N, *shape), and has not acted yet.

        player  may be asked for values at any time, what it remembers being that of the newest step
        mask    (N, A) bool, the actions that obs allows
        """

    def see(self, step: Step) -> None:
        """One step of all its environments, of which the player remembers all but its end."""


class Evaluation(NamedTuple):
    """One number for each episode."""

    returns: np.ndarray  # sum of rewards, undiscounted
    lengths: np.ndarray  # agent steps
    cut: int = 0  # episodes that had no end within max_steps
    restarts: int = 0  # environments that failed and were restarted; no such episode is counted
    successes: np.ndarray | None = None  # of episodes that had an end, 1 or 0; None: none says it

    @property
    def mean(self) -> float:
        """Of the returns."""
        return float(self.returns.mean())

    @property
    def success_rate(self) -> float | None:
        """Share of the episodes that were a success, as the environments say; those that were cut
        were none.   None where no environment says it."""
        if self.successes is None:
            return None
        return float(self.successes.sum()) / (len(self.successes) + self.cut)


def evaluate(
    policy: Policy | Act, envs: VectorEnv, episodes: int, max_steps: int = MOST_STEPS,
    watch: Watch | None = None,
) -> Evaluation:  # fmt: skip
    """`episodes` episodes of the policy, from a fresh reset.

    Every environment plays its share, fixed beforehand: counting whichever episodes end first
    would favour the short ones.  An episode that has not ended after `max_steps` agent steps counts
    with what it has earned by then, and is its environment's last: EnvWarning.

    policy  a SavedPolicy, or a function of observations (N, *shape) → actions (N, *action shape);
            in an environment that tells which actions are allowed it is called with their masks
            (N, A) besides
    watch   looks on

    ValueError below 1 episode.
    """
    if episodes < 1:
        raise ValueError(f"evaluation needs at least 1 episode, got {episodes}")
    n = envs.num_envs
    share = np.full(n, episodes // n) + (np.arange(n) < episodes % n)  # (N,) episodes left
    returns: list[float] = []
    lengths: list[int] = []
    successes: list[float] = []  # NaN where nothing says
    running, steps = np.zeros(n), np.zeros(n, np.int64)
    cut = played = 0  # episodes; steps of all environments
    failed = len(envs.restarts)
    obs, info = envs.reset()
    mask = info.get("action_mask")
    player = player_of(policy, n)
    if watch is not None:
        watch.begin(player, obs, mask)
    while share.any():
        step = envs.step(player.act(obs, mask))
        if watch is not None:
            watch.see(step)
        player.see(step)
        obs, mask = step.obs, step.mask
        running += step.reward
        steps += 1
        if step.invalid is not None:  # these episodes began anew
            running[step.invalid], steps[step.invalid] = 0, 0
        ended = step.terminated | step.truncated
        if ended.any():
            counted = ended & (share > 0)
            returns += running[counted].tolist()
            lengths += steps[counted].tolist()
            if (success := step.success) is not None:
                successes += success[counted].tolist()
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
    known = np.array(successes)[~np.isnan(successes)]
    return Evaluation(
        np.array(returns), np.array(lengths), cut, restarts, known if len(known) else None
    )


def evaluate_fresh(
    policy: Policy | Act, factory: EnvFactory, episodes: int, seed: int, at_once: int | None = None,
    max_steps: int = MOST_STEPS, watch: Watch | None = None,
    checked: Callable[[VectorEnv], VectorEnv] = lambda envs: envs,
) -> Evaluation:  # fmt: skip
    """`episodes` episodes in environments made for them, which are closed afterwards.

    at_once  most of them that are open at the same time; none: MOST_AT_ONCE
    checked  looks at them before the first reset
    """
    envs = factory(num_envs=min(episodes, at_once or MOST_AT_ONCE), seed=seed)
    try:
        return evaluate(policy, checked(envs), episodes, max_steps, watch)
    finally:
        close(envs)
