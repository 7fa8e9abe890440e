"""Our PPO's learning curve beside Stable-Baselines3's, at the same settings.

python benchmarks/ppo_curves_beside_sb3.py [BipedalWalker-v3] [--side ours|theirs] [--seed 1]
    [--file FILE]

In an environment as benchmarks/beside_sb3.py says.  The RL Zoo's settings but for their length; one
thread.  A point of a curve is the mean of 20 greedy episodes, in environments of their own.
Observations are normalised by the statistics of the training, on both sides.

The file (ppo_curves_beside_sb3.json) keeps the side that is not run; RESULTS.md's table is what is
printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from ppo_beside_sb3 import their_model  # first: it sets the threads
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize
from torch import set_num_threads

from agents.ppo.config import PPOConfig
from agents.presets import tuned_for
from agents.row import Preset
from drl import train
from drl.experiment.results import curve
from drl.tables import RL

HERE = Path(__file__).parent
EPISODES, EVERY = 20, 100_000  # of a point; env steps between two
EVAL_SEED = 1_000_000
ZOO = {
    "BipedalWalker-v3": tuned_for(PPOConfig)(
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
        eval_every=EVERY,
        eval_episodes=EPISODES,
        checkpoint_every=EVERY,
    )
}


def ours(env: str, settings: Preset, seed: int) -> list[tuple[int, float]]:
    """Env steps, mean return of the greedy policy."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        train(
            "ppo", env, settings.config, experiment=settings.experiment, seed=seed, run=run,
            progress=False,
        )  # fmt: skip
        steps, means = curve(run, RL.curve)
    return list(zip(steps.tolist(), means.tolist(), strict=True))


def theirs(env: str, settings: Preset, seed: int) -> list[tuple[int, float]]:
    """The same of `learn`."""
    config, experiment = settings
    test: Any = make_vec_env(env, EPISODES, EVAL_SEED + seed)
    if config.normalise_obs or config.normalise_reward:  # as the training's are
        test = VecNormalize(test, training=False, norm_obs=config.normalise_obs, norm_reward=False)
    with tempfile.TemporaryDirectory() as scratch:  # without a path it keeps no curve
        look = EvalCallback(
            test, n_eval_episodes=EPISODES, eval_freq=EVERY // experiment.num_envs,
            log_path=scratch, verbose=0,
        )  # fmt: skip
        their_model(env, settings, seed).learn(experiment.steps, callback=look)
    means = [sum(returns) / len(returns) for returns in look.evaluations_results]
    return list(zip(look.evaluations_timesteps, map(float, means), strict=True))


SIDES = {"ours": ours, "theirs": theirs}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("envs", nargs="*", metavar="ENV", help=", ".join(ZOO))
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", type=Path, default=HERE / "ppo_curves_beside_sb3.json")
    args = parser.parse_args()
    set_num_threads(1)
    for env in args.envs or ZOO:
        for side in [args.side] if args.side else SIDES:
            began = time.perf_counter()
            points = SIDES[side](env, ZOO[env], args.seed)
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
