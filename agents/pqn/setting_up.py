"""What PQN's settings leave open, what a training needs room for, and what warns."""

from __future__ import annotations

from dataclasses import replace

from agents.config import ExperimentConfig
from agents.memory.minibatches import BLOCK, uneven
from agents.observations import scaled
from agents.pqn.agent import PQN
from agents.pqn.config import PQNConfig
from agents.room import require_room_for_pass
from agents.setup import Setup
from drl.nn.memory import require_memory

REMEDY = "train anew with a lower `lr`, a smaller `reward_scale`, or `normalise_reward`"

FIXED = {  # what a run that goes on cannot change, and why
    name: why
    for names, why in (
        (
            "hidden activation conv layer_norm init scale normalise_obs discretise",
            "the network in the checkpoint is built by it",
        ),
        ("reward_scale normalise_reward", "what has been learnt is in its units"),
        ("optimizer", "what it remembers of gradients is in the checkpoint"),
        ("n_steps", "the rollout in the checkpoint is filled by it"),
        ("epsilon_fraction", "the run keeps the number that came of it: change `epsilon_steps`"),
    )
    for name in names.split()
}


def epsilon_steps(config: PQNConfig, steps: int) -> int:
    """Env steps over which ε falls in a run of `steps`."""
    return config.epsilon_steps or max(1, round(config.epsilon_fraction * steps))


def resolve(config: PQNConfig, setup: Setup) -> tuple[PQNConfig, list[str]]:
    """The settings of a new run, complete, and a line on each thing that was left open.

    Done once in the life of a run, which keeps the numbers: training on to other `steps` does not
    change them.
    """
    falls, anneals = epsilon_steps(config, setup.steps), config.anneal_steps or setup.steps
    about = [] if config.epsilon_steps else [f"ε over {falls:,} env steps"]
    if config.lr_end not in (None, config.lr) and config.anneal_steps is None:
        about.append(f"the learning rate over {anneals:,}")
    lines = []
    if about:
        lines.append(f"schedules, from {setup.steps:,} env steps in all: {', '.join(about)}")
    complete = replace(config, epsilon_steps=falls, anneal_steps=anneals)
    complete, scaling = scaled(complete, setup.observation_space)
    return complete, lines + scaling


def require_room(agent: PQN, config: PQNConfig) -> None:
    """MemoryError unless this machine has room for what fills as training goes on."""
    require_memory(agent.rollout.nbytes, f"a rollout of {agent.rows:,} rows", "fewer `n_steps`")
    require_room_for_pass(agent.net, min(max(agent.batch_size, BLOCK), agent.rows))


def warnings(config: PQNConfig, experiment: ExperimentConfig) -> list[str]:
    """Of minibatches that come out uneven."""
    return uneven(config.n_steps, experiment.num_envs, config.batch_size)
