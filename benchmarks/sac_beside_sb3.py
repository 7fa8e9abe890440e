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

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from in_turn import (  # first: it sets the threads
    NEVER,
    Counted,
    Pairs,
    Trained,
    main,
    our_side,
    their_seconds,
)

# isort: split
import numpy as np
from stable_baselines3 import SAC

from agents.evaluation import evaluate_fresh
from agents.row import Preset
from agents.sac.presets import preset_of, sac
from drl import Result
from envs.sources import source

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from swing_up import SwingUp

BARS = {  # env: env steps, least ratio asked for
    "Pendulum-v1": (10_000, 10.0),
    "HalfCheetah-v5": (2_000, 1.8),
}
EPISODES, SEED = 400, 4242


def settings_of(env: str, steps: int) -> Preset:
    """The preset, or what the agent has without one, for so many steps."""
    config, experiment = preset_of("sac")(env) or sac(num_envs=1)
    return Preset(config, replace(experiment, steps=steps, eval_every=NEVER, solved_at=None))


def size(result: Result) -> int:
    """Parameters of the policy and its critics."""
    policy: Any = result.policy
    return int(policy.net.size + policy.critic_net.size)


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
    """`learn`, with these settings."""
    model = their_model(env, settings, seed)
    seconds = their_seconds(model, settings.experiment.steps)
    parameters = sum(p.numel() for net in (model.actor, model.critic) for p in net.parameters())
    return Trained(seconds, Counted(model.num_timesteps, model._n_updates, parameters), model)


def scores(env: str, pairs: Pairs) -> dict[str, Any]:
    """On Pendulum: what each has learnt, below what the controller has."""
    if env != "Pendulum-v1":
        return {}
    best = score(SwingUp())
    found = {
        "ours": [score(one.policy) for one in pairs.ours],
        "SB3": [score(lambda obs, m=one.policy: m.predict(obs, deterministic=True)[0])
                for one in pairs.theirs],
    }  # fmt: skip
    for name, side in found.items():
        below = " ".join(f"{best - each:.1f}" for each in side)
        print(f"  {name}, below the controller ({best:.1f}): {below}", flush=True)
    return {"scores": list(zip(*found.values(), strict=True)), "controller": best}


def score(act: Callable[[np.ndarray], np.ndarray]) -> float:
    """Mean return on Pendulum."""
    return evaluate_fresh(act, source("Pendulum-v1"), EPISODES, SEED).mean


if __name__ == "__main__":
    main(__doc__, BARS, settings_of, our_side("sac", size), theirs, scores)
