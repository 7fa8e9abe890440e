"""Our SAC beside Stable-Baselines3's: speed of training at the same settings, and what is learnt.

python benchmarks/sac_beside_sb3.py [Pendulum-v1 HalfCheetah-v5] [--repeats 3] [--json FILE]

In an environment as benchmarks/beside_sb3.py says, for HalfCheetah with [mujoco] besides.  The
preset's net (the parameters are counted), or the default one, one gradient step for each env step
(counted), the same random start, batch, memory, γ, τ, Adam; one thread, no greedy evaluations, in
turn.  Seconds are of the loop, from the first env step to the last.  Each with its default logging:
ours writes TensorBoard, histograms, images and checkpoints, theirs nothing.

Pendulum is scored besides: the last policy of each, 400 greedy episodes from the same start states,
less what a near-optimal controller has there (tests/swing_up.py).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from beside_sb3 import NEVER, verdict  # first: it sets the threads
from stable_baselines3 import SAC
from torch import set_num_threads

from agents.evaluation import evaluate_fresh
from agents.row import Preset
from agents.sac.presets import preset_of, sac
from drl import train
from envs.sources import source

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from swing_up import SwingUp

BARS = {  # env: env steps, least ratio asked for
    "Pendulum-v1": (10_000, 10.0),
    "HalfCheetah-v5": (2_000, 1.8),
}
EPISODES, SEED = 400, 4242


class Trained(NamedTuple):
    """Of one training."""

    seconds: float
    env_steps: int
    updates: int
    parameters: int  # of the policy and its critics
    act: Callable[[np.ndarray], np.ndarray]


def settings_of(env: str, steps: int) -> Preset:
    """The preset, or what the agent has without one, for so many steps."""
    config, experiment = preset_of("sac")(env) or sac(num_envs=1)
    return Preset(config, replace(experiment, steps=steps, eval_every=NEVER, solved_at=None))


def ours(env: str, settings: Preset, seed: int) -> Trained:
    """A run as `drl train sac` makes it."""
    with tempfile.TemporaryDirectory() as scratch:
        result = train(
            "sac", env, settings.config, experiment=settings.experiment, seed=seed,
            run=Path(scratch) / "run", progress=False,
        )  # fmt: skip
    done, policy = result.summary, result.policy
    size = policy.net.size + policy.critic_net.size
    return Trained(done["seconds"], done["env_steps"], done["updates"], size, policy)


def their_model(env: str, settings: Preset, seed: int) -> SAC:
    """Stable-Baselines3's SAC with these settings; it has no factor on rewards."""
    config, experiment = settings
    return SAC(
        "MlpPolicy", env, seed=seed, device="cpu", learning_rate=config.lr, gamma=config.gamma,
        buffer_size=min(config.buffer_size, experiment.steps), batch_size=config.batch_size,
        learning_starts=config.learning_starts, tau=config.tau,
        policy_kwargs={"net_arch": list(config.hidden)},
    )  # fmt: skip


def theirs(env: str, settings: Preset, seed: int) -> Trained:
    """The same by `learn`."""
    model = their_model(env, settings, seed)
    start = time.perf_counter()
    model.learn(settings.experiment.steps)
    seconds = time.perf_counter() - start
    size = sum(p.numel() for net in (model.actor, model.critic) for p in net.parameters())
    act = lambda obs: model.predict(obs, deterministic=True)[0]  # noqa: E731
    return Trained(seconds, model.num_timesteps, model._n_updates, size, act)


def score(act: Callable[[np.ndarray], np.ndarray]) -> float:
    """Mean return on Pendulum."""
    return evaluate_fresh(act, source("Pendulum-v1"), EPISODES, SEED).mean


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("envs", nargs="*", metavar="ENV", help=", ".join(BARS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    set_num_threads(1)
    warnings.filterwarnings("ignore", module="gymnasium|stable_baselines3")
    found: dict[str, Any] = {}
    columns = f"{'env steps':>10}{'updates':>9}{'ours, s':>9}{'SB3, s':>9}{'ratio':>7}{'bar':>6}"
    print(f"{'env':<18}{columns}")
    for env in args.envs or BARS:
        steps, bar = BARS[env]
        settings, pairs, scores = settings_of(env, steps), [], []
        for seed in range(args.repeats):
            mine, its = ours(env, settings, seed), theirs(env, settings, seed)
            if mine[1:4] != its[1:4]:
                raise RuntimeError(f"env steps, updates, parameters: {mine[1:4]}, {its[1:4]}")
            pairs.append((mine.seconds, its.seconds))
            if env == "Pendulum-v1":
                scores.append((score(mine.act), score(its.act)))
        ratio = statistics.median(its / mine for mine, its in pairs)
        seconds = [statistics.median(side) for side in zip(*pairs, strict=True)]
        print(
            f"{env:<18}{mine.env_steps:>10,}{mine.updates:>9,}{seconds[0]:>9.2f}"
            f"{seconds[1]:>9.2f}{ratio:>7.2f}{bar:>6g}  {verdict(ratio, bar)}", flush=True,
        )  # fmt: skip
        found[env] = {"pairs": pairs, "ratio": ratio, "bar": bar, "updates": mine.updates}
        if scores:
            best = score(SwingUp())
            for name, side in zip(("ours", "SB3"), zip(*scores, strict=True), strict=True):
                below = " ".join(f"{best - each:.1f}" for each in side)
                print(f"  {name}, below the controller ({best:.1f}): {below}", flush=True)
            found[env] |= {"scores": scores, "controller": best}
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
