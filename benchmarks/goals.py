"""Goal environments with a known optimum, learnt with hindsight and without, over seeds.

python benchmarks/goals.py dqn 10      agent (dqn, sac, td3, tqc, crossq), seeds 1 …

Of each seed: 200 episodes of the last policy, the same for all, beside the best return of each.
"""

from __future__ import annotations

import sys
import time
from typing import Any, NamedTuple

import numpy as np

from drl.api.training import train
from envs import bit_flip, make, reach

EPISODES, SEED = 200, 777
LAST = 10**6  # env steps between evaluations: there is one, at the end


class Score(NamedTuple):
    """Of a policy."""

    mean: float  # return
    best: float  # mean of the best returns
    optimal: float  # share of the episodes with the best return
    reached: float  # share of the goals that were reached


def score(policy: Any, id: str) -> Score:
    """All episodes side by side, each until its end."""
    envs: Any = make(id, EPISODES, SEED)
    obs, _ = envs.reset()
    now, wanted = envs.rows.reshape(2, -1, EPISODES).swapaxes(1, 2)
    best = (reach if "Reach" in id else bit_flip).best_returns(now, wanted)
    total, alive, reached = np.zeros(EPISODES), np.ones(EPISODES, bool), np.zeros(EPISODES, bool)
    for _ in range(envs.time_limit):
        step = envs.step(policy.act_batch(obs))
        total += alive * step.reward
        reached |= alive & step.terminated
        alive &= ~(step.terminated | step.truncated)
        obs = step.obs
    return Score(total.mean(), best.mean(), float((total == best).mean()), float(reached.mean()))


def main(agent: str, seeds: int) -> None:
    """One line a seed, with hindsight and without."""
    id = "drl/BitFlip-v0" if agent == "dqn" else "drl/Reach-v0"
    for her in (True, False):
        for seed in range(1, seeds + 1):
            began = time.perf_counter()
            learnt = train(agent, id, seed=seed, her=her, eval_every=LAST, progress=False)
            found = score(learnt.policy, id)
            print(
                f"{agent} {'hindsight' if her else 'without'} {seed}: {found.mean:.2f} of "
                f"{found.best:.2f}, optimal {found.optimal:.0%}, reached {found.reached:.0%}, "
                f"{time.perf_counter() - began:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
