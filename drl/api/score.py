"""What a policy or a classifier is worth on what it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from agents.config import MOST_STEPS
from agents.evaluation import Evaluation, evaluate_fresh
from agents.policy import SavedPolicy
from drl.api.env import checked
from drl.environment import EnvFactory
from drl.rng import unseen_seed
from drl.settings import require
from drl.threads import one_thread


def score(
    policy: SavedPolicy, factory: EnvFactory, episodes: int = 100, seed: int = 7,
    where: str = "the policy", settings: Mapping[str, Any] | None = None, sample: bool = False,
) -> Evaluation:  # fmt: skip
    """Whole episodes in environments that no training has used, whatever its seed: greedy ones, or
    with `sample` of actions that are drawn.

    where     the policy is from, for messages
    settings  of its run: how many environments may be open, how long an episode may be

    UserError where the environment is not the policy's, or it has no probabilities to draw by.
    """
    require("episodes", episodes, episodes >= 1, "1 or more")
    require("seed", seed, seed >= 0, "0 or more")
    settings = settings or {}
    at_once = settings.get("eval_envs")
    if at_once == 0:  # in the training environments: there are none here, but never more than those
        at_once = settings["num_envs"]
    playing = policy.sampled(seed) if sample else policy
    with one_thread():  # as in training
        return evaluate_fresh(
            playing, factory, episodes, unseen_seed(seed), at_once,
            settings.get("eval_max_steps", MOST_STEPS), checked=partial(checked, policy, where),
        )  # fmt: skip


def scores(
    result: Evaluation, seed: int, policy: str, sample: bool = False
) -> dict[str, Any]:  # fmt: skip
    """In numbers, as JSON.   sample: whether actions were drawn"""
    rate = result.success_rate
    return ({} if rate is None else {"success_rate": rate}) | {
        "mean_reward": result.mean,
        "std_reward": float(result.returns.std()),
        "min_reward": float(result.returns.min()),
        "max_reward": float(result.returns.max()),
        "mean_ep_length": float(result.lengths.mean()),
        "episodes": len(result.returns),
        "episodes_cut": result.cut,
        "env_restarts": result.restarts,
        "seed": seed,
        "policy": policy,
        "sampled": sample,
    }
