"""What a DQN's settings leave open, what its training needs room for, and what warns of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agents.config import ExperimentConfig
from agents.dqn.agent import DQN
from agents.dqn.config import DQNConfig, lengths, updates_in
from agents.dqn.divergence import Divergence
from agents.dqn.own_target import IgnoredMasks, OwnTarget, unbounded
from agents.memory.goals import left_alone
from agents.observations import scaled
from agents.room import require_room_for_pass, require_room_for_replay
from agents.setup import Setup
from agents.task import RLTask
from drl.experiment.callbacks import Callback
from drl.nn.memory import require_memory

REMEDY = "train anew with a lower `lr`, with `max_grad_norm`, or a smaller `reward_scale`"

FIXED = {  # what a run that goes on cannot change, and why
    name: why
    for names, why in (
        (
            "hidden activation conv init scale normalise_obs dueling noisy noisy_sigma head atoms "
            "v_min v_max quantiles iqn_samples discretise",
            "the network in the checkpoint is built by it",
        ),
        (
            "gamma n_step reward_scale reward_clip buffer_size batch_size prioritized "
            "priority_alpha her",
            "the memory in the checkpoint is filled by it",
        ),
        ("normalise_reward", "what has been learnt is in its units"),
        ("learning_starts updates_per_step", "the updates made are counted by it"),
        ("ez_mu", "actions are held by it"),
        ("epsilon_fraction", "the run keeps the number that came of it: change `epsilon_steps`"),
        ("lr_fraction", "the run keeps the number that came of it: change `lr_steps`"),
    )
    for name in names.split()
}


def resolve(config: DQNConfig, setup: Setup) -> tuple[DQNConfig, list[str]]:
    """The settings of a new run, complete, and a line on each thing that was left open.

    Done once in the life of a run, which keeps the numbers: training on to other `steps` does not
    change them.  Schedules get their lengths from the run's; bytes get their factor from the
    environment's space.
    """
    found, lines = lengths(config, setup.steps, setup.num_envs), []
    about = [
        f"{what} over {getattr(found, name):,} {unit}"
        for name, what, unit, used in (
            ("epsilon_steps", "ε", "env steps", not config.noisy),
            ("lr_steps", "the learning rate", "updates", config.lr_end not in (None, config.lr)),
            ("priority_beta_steps", "prioritized β", "updates", config.prioritized),
        )
        if used and getattr(config, name) is None
    ]
    if about:
        lines.append(f"schedules, from {setup.steps:,} env steps in all: {', '.join(about)}")
    complete = replace(config, **found._asdict())
    complete, scaling = scaled(complete, setup.observation_space)
    return complete, lines + scaling + left_alone(config.her, setup)


def warnings(config: DQNConfig, experiment: ExperimentConfig) -> list[str]:
    """That nothing can be learnt in a run so short."""
    steps = experiment.steps
    if updates_in(config, steps, experiment.num_envs):
        return []
    return [
        f"nothing will be learnt: no update is made in {steps:,} env steps, the first is due after "
        f"{config.learning_starts:,} (`learning_starts`): train longer, or lower it"
    ]


def callbacks(task: RLTask, config: DQNConfig, setup: Setup) -> Sequence[Callback]:
    """Warnings of values that run away."""
    declared = None
    if config.value_bound == "auto":
        declared = config.reward_range or setup.reward_range
    assert isinstance(task.agent, DQN)
    found: list[Callback] = [Divergence(task.agent, declared, task.config.logged_every)]
    if isinstance(target := unbounded(task.agent.bootstrap), OwnTarget):
        found.append(IgnoredMasks(target))
    return found


def require_room(agent: DQN, config: DQNConfig) -> None:
    """MemoryError unless this machine has room for what fills as training goes on."""
    require_room_for_replay(agent.replay)
    require_memory(
        agent.nstep.nbytes, f"`n_step={config.n_step:,}` in so many environments", "fewer of them"
    )
    fractions = config.iqn_samples if config.head == "iqn" else 1
    others = {"qr": config.quantiles, "iqn": fractions}.get(config.head, 0)  # at each quantile
    require_room_for_pass(agent.net, config.batch_size, fractions, config.quantiles * others)
