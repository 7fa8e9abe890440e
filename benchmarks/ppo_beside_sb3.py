"""Our PPO beside Stable-Baselines3's: speed of training at the same settings.

python benchmarks/ppo_beside_sb3.py [CartPole-v1 Pendulum-v1 …] [--repeats 3] [--json FILE]

In an environment as benchmarks/beside_sb3.py says.  The preset's net (the parameters are counted),
number of environments, steps, epochs, minibatches (the updates are counted), Adam; one thread, no
greedy evaluations, in turn.  Seconds are of the loop, from the first env step to the last.  Each
with its default logging: ours writes TensorBoard, histograms, images and checkpoints, theirs
nothing.  Where the preset normalises, theirs does by VecNormalize.  `drl/X` is our own class of X,
Gymnasium's states to the last bit, for all environments at once; theirs steps X.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from in_turn import NEVER, Counted, Trained, main, our_side, their_seconds  # first: the threads
from minatar.gym import register_envs
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from agents.ppo.presets import preset
from agents.row import Preset

BARS = {  # env: rollouts, least ratio asked for.  A training's whole budget, or a few of them
    "CartPole-v1": (98, 5.5),
    "Pendulum-v1": (25, 6.5),
    "drl/Pendulum-v1": (25, 6.5),
    "Acrobot-v1": (74, 4.0),
    "LunarLander-v3": (15, 4.0),
    "MinAtar/Breakout-v1": (24, 2.5),
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


def their_model(env: str, settings: Preset, seed: int) -> PPO:
    """Stable-Baselines3's PPO with the preset's settings."""
    config, experiment = settings
    envs: Any = make_vec_env(env.removeprefix("drl/"), experiment.num_envs, seed)
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


def theirs(env: str, settings: Preset, seed: int) -> Trained:
    """`learn`, with the preset's settings."""
    config, experiment = settings
    model = their_model(env, settings, seed)
    seconds = their_seconds(model, experiment.steps)
    rows = config.n_steps * experiment.num_envs
    updates = model._n_updates * -(-rows // config.batch_size)  # theirs counts epochs
    size = sum(p.numel() for p in model.policy.parameters())
    return Trained(seconds, Counted(model.num_timesteps, updates, size), model)


if __name__ == "__main__":
    register_envs()
    main(__doc__, BARS, settings_of, our_side("ppo"), theirs)
