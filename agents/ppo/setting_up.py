"""What the settings of PPO and A2C leave open, what a training needs room for, and what warns."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from agents.config import ExperimentConfig
from agents.memory.minibatches import BLOCK, uneven
from agents.observations import scaled
from agents.ppo.agent import PPO
from agents.ppo.config import OnPolicyConfig, PPOConfig
from agents.room import require_room_for_pass
from agents.setup import Setup
from drl.nn.memory import require_memory

C = TypeVar("C", bound=OnPolicyConfig)

REMEDY = "train anew with a lower `lr`, a lower `max_grad_norm`, or rewards of about ±1"

FIXED = {  # what a run that goes on cannot change, and why
    name: why
    for names, why in (
        (
            "hidden activation conv shared recurrent recurrent_units init policy_gain value_gain "
            "log_std_init squash scale normalise_obs",
            "the network in the checkpoint is built by it",
        ),
        ("normalise_reward", "what has been learnt is in its units"),
        ("n_steps", "the rollout in the checkpoint is filled by it"),
        ("optimizer", "what it remembers of gradients is in the checkpoint"),
    )
    for name in names.split()
}


def resolve(config: C, setup: Setup) -> tuple[C, list[str]]:
    """The settings of a new run, complete, and a line on each thing that was left open.

    Done once in the life of a run, which keeps the numbers: training on to other `steps` does not
    change them.
    """
    lines = []
    complete = replace(config, anneal_steps=config.anneal_steps or setup.steps)
    ends = {name: getattr(config, f"{name}_end", None) for name in ("lr", "clip_range")}
    changing = [name for name, end in ends.items() if end is not None]
    if changing and config.anneal_steps is None:
        named = " and ".join(f"`{name}`" for name in changing)
        lines.append(f"schedules: {named} over {setup.steps:,} env steps, all of the run")
    complete, scaling = scaled(complete, setup.observation_space)
    return complete, lines + scaling


def require_room(agent: PPO, config: OnPolicyConfig) -> None:
    """MemoryError unless this machine has room for what fills as training goes on."""
    require_memory(agent.rollout.nbytes, f"a rollout of {agent.rows:,} rows", "fewer `n_steps`")
    require_room_for_pass(agent.net, min(max(agent.batch_size, BLOCK), agent.rows))


def warnings(config: PPOConfig, experiment: ExperimentConfig) -> list[str]:
    """Of minibatches that come out uneven."""
    return uneven(config.n_steps, experiment.num_envs, config.batch_size)
