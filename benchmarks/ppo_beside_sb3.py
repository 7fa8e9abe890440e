"""Our PPO beside Stable-Baselines3's: speed of training at the same settings.

python benchmarks/ppo_beside_sb3.py [CartPole-v1 Pendulum-v1 …] [--repeats 3] [--json FILE]

In an environment as benchmarks/beside_sb3.py says.  The preset's net (the parameters are counted),
number of environments, steps, epochs, minibatches (the updates are counted), Adam; one thread, no
greedy evaluations, in turn.  Seconds are of the loop, from the first env step to the last.  Each
with its default logging: ours writes TensorBoard, histograms, images and checkpoints, theirs
nothing.  Where the preset normalises, theirs does by VecNormalize.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from beside_sb3 import NEVER, verdict  # first: it sets the threads
from minatar.gym import register_envs
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn, set_num_threads

from agents.ppo.presets import preset
from agents.row import Preset
from drl import train

BARS = {  # env: rollouts, least ratio asked for
    "CartPole-v1": (15, 5.5),
    "Pendulum-v1": (6, 6.5),
    "Acrobot-v1": (10, 4.0),
    "LunarLander-v3": (8, 4.0),
    "MinAtar/Breakout-v1": (8, 2.5),
}
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def settings_of(env: str, rollouts: int) -> Preset:
    """The preset, for so many rollouts, with learning rates and clip ranges that stay."""
    tuned = preset(env)
    assert tuned is not None
    config, experiment = tuned
    rows = config.n_steps * experiment.num_envs
    return Preset(
        replace(config, lr_end=None, clip_range_end=None),
        replace(experiment, steps=rollouts * rows, eval_every=NEVER, solved_at=None),
    )


def ours(env: str, settings: Preset, seed: int) -> tuple[float, int, int, int]:
    """Seconds, env steps, updates, parameters of a run as `drl train ppo` makes it."""
    with tempfile.TemporaryDirectory() as scratch:
        result = train(
            "ppo", env, settings.config, experiment=settings.experiment, seed=seed,
            run=Path(scratch) / "run", progress=False,
        )  # fmt: skip
    done = result.summary
    return done["seconds"], done["env_steps"], done["updates"], result.net.size


def their_model(env: str, settings: Preset, seed: int) -> PPO:
    """Stable-Baselines3's PPO with the preset's settings."""
    config, experiment = settings
    envs: Any = make_vec_env(env, experiment.num_envs, seed)
    if config.normalise_obs or config.normalise_reward:
        envs = VecNormalize(
            envs, norm_obs=config.normalise_obs, norm_reward=config.normalise_reward,
            gamma=config.gamma,
        )  # fmt: skip
    return PPO(
        "MlpPolicy", envs, seed=seed, device="cpu", n_steps=config.n_steps,
        batch_size=config.batch_size, n_epochs=config.n_epochs, gamma=config.gamma,
        gae_lambda=config.gae_lambda, learning_rate=config.lr, clip_range=config.clip_range,
        ent_coef=config.ent_coef, vf_coef=config.vf_coef, max_grad_norm=config.max_grad_norm,
        policy_kwargs={
            "net_arch": list(config.hidden), "activation_fn": ACTIVATIONS[config.activation]
        },
    )  # fmt: skip


def theirs(env: str, settings: Preset, seed: int) -> tuple[float, int, int, int]:
    """The same of `learn`."""
    config, experiment = settings
    model = their_model(env, settings, seed)
    start = time.perf_counter()
    model.learn(experiment.steps)
    seconds = time.perf_counter() - start
    rows = config.n_steps * experiment.num_envs
    updates = model._n_updates * -(-rows // config.batch_size)  # theirs counts epochs
    return seconds, model.num_timesteps, updates, sum(p.numel() for p in model.policy.parameters())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("envs", nargs="*", metavar="ENV", help=", ".join(BARS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    set_num_threads(1)
    register_envs()
    warnings.filterwarnings("ignore", module="gymnasium|stable_baselines3")
    found: dict[str, Any] = {}
    columns = f"{'env steps':>10}{'updates':>9}{'ours, s':>9}{'SB3, s':>9}{'ratio':>7}{'bar':>6}"
    print(f"{'env':<22}{columns}")
    for env in args.envs or BARS:
        rollouts, bar = BARS[env]
        settings, pairs = settings_of(env, rollouts), []
        for seed in range(args.repeats):
            mine, its = ours(env, settings, seed), theirs(env, settings, seed)
            if mine[1:] != its[1:]:
                raise RuntimeError(f"env steps, updates, parameters: {mine[1:]} are {its[1:]}")
            pairs.append((mine[0], its[0]))
        ratio = statistics.median(its / mine for mine, its in pairs)
        seconds = [statistics.median(side) for side in zip(*pairs, strict=True)]
        print(
            f"{env:<22}{mine[1]:>10,}{mine[2]:>9,}{seconds[0]:>9.2f}{seconds[1]:>9.2f}"
            f"{ratio:>7.2f}{bar:>6g}  {verdict(ratio, bar)}", flush=True,
        )  # fmt: skip
        found[env] = {"pairs": pairs, "ratio": ratio, "bar": bar, "env_steps": mine[1]}
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
