"""Our learning curves beside Stable-Baselines3's, at the same settings.

python benchmarks/curves_beside_sb3.py [BipedalWalker-v3 HalfCheetah-v5] [--side ours|theirs]
    [--seed 1] [--file FILE]

In an environment as benchmarks/beside_sb3.py says, for HalfCheetah with [mujoco] besides.  PPO on
BipedalWalker, SAC on HalfCheetah: the RL Zoo's settings but for their length; one thread.  A point
of a curve is the mean of 20 greedy episodes, in environments of their own.  Where the settings
normalise observations, both sides do by the statistics of the training.

The file (curves_beside_sb3.json) keeps the side that is not run; RESULTS.md's table is what is
printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import ppo_beside_sb3  # first: it sets the threads
import sac_beside_sb3
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize
from torch import set_num_threads

from agents.ppo.config import PPOConfig
from agents.presets import tuned_for
from agents.row import Preset
from agents.sac.config import SACConfig
from drl import train
from drl.experiment.results import curve
from drl.tables import RL

HERE = Path(__file__).parent
EPISODES = 20  # of a point
EVAL_SEED = 1_000_000


class Case(NamedTuple):
    """What is learnt, by whom."""

    agent: str
    settings: Preset
    their_model: Callable[[str, Preset, int], Any]  # of an environment, settings, a seed


CASES = {
    "BipedalWalker-v3": Case(
        "ppo",
        tuned_for(PPOConfig)(
            steps=1_000_000,
            num_envs=32,
            n_steps=2048,
            batch_size=64,
            n_epochs=10,
            gamma=0.999,
            gae_lambda=0.95,
            ent_coef=0.0,
            lr=3e-4,
            clip_range=0.18,
            normalise_obs=True,
            normalise_reward=True,
            eval_every=100_000,
            eval_episodes=EPISODES,
            checkpoint_every=100_000,
        ),
        ppo_beside_sb3.their_model,
    ),
    "HalfCheetah-v5": Case(
        "sac",
        tuned_for(SACConfig)(
            steps=150_000,
            num_envs=1,
            hidden=(256, 256),
            gamma=0.99,
            tau=0.005,
            lr=3e-4,
            batch_size=256,
            buffer_size=150_000,
            learning_starts=10_000,
            eval_every=25_000,
            eval_episodes=EPISODES,
            checkpoint_every=50_000,
        ),
        sac_beside_sb3.their_model,
    ),
}


def ours(env: str, case: Case, seed: int) -> list[tuple[int, float]]:
    """Env steps, mean return of the greedy policy."""
    config, experiment = case.settings
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        train(case.agent, env, config, experiment=experiment, seed=seed, run=run, progress=False)
        steps, means = curve(run, RL.curve)
    return list(zip(steps.tolist(), means.tolist(), strict=True))


def theirs(env: str, case: Case, seed: int) -> list[tuple[int, float]]:
    """The same of `learn`."""
    config, experiment = case.settings
    test: Any = make_vec_env(env, EPISODES, EVAL_SEED + seed)
    if config.normalise_obs:  # as the training's are
        test = VecNormalize(test, training=False, norm_obs=config.normalise_obs, norm_reward=False)
    with tempfile.TemporaryDirectory() as scratch:  # without a path it keeps no curve
        look = EvalCallback(
            test, n_eval_episodes=EPISODES, log_path=scratch, verbose=0,
            eval_freq=experiment.eval_every // experiment.num_envs,
        )  # fmt: skip
        case.their_model(env, case.settings, seed).learn(experiment.steps, callback=look)
    means = [sum(returns) / len(returns) for returns in look.evaluations_results]
    return list(zip(look.evaluations_timesteps, map(float, means), strict=True))


SIDES = {"ours": ours, "theirs": theirs}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("envs", nargs="*", metavar="ENV", help=", ".join(CASES))
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", type=Path, default=HERE / "curves_beside_sb3.json")
    args = parser.parse_args()
    set_num_threads(1)
    for env in args.envs or CASES:
        for side in [args.side] if args.side else SIDES:
            began = time.perf_counter()
            points = SIDES[side](env, CASES[env], args.seed)
            seconds = time.perf_counter() - began
            found = json.loads(args.file.read_text("utf-8")) if args.file.exists() else {}
            found.setdefault(env, {}).setdefault(str(args.seed), {})[side] = {
                "curve": points, "seconds": round(seconds, 1)
            }  # fmt: skip
            args.file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        for seed, sides in found[env].items():
            print(f"{env}, seed {seed}")
            for side, row in sides.items():
                at = "  ".join(f"{steps:,}: {mean:.0f}" for steps, mean in row["curve"])
                print(f"  {side:<7} {row['seconds']:.0f} s  {at}", flush=True)


if __name__ == "__main__":
    main()
