"""A training from its settings: one path for `train` and for `drl train dqn`."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from agents.dqn.agent import DQN
from agents.dqn.build import Parts, build_dqn, env_seed, restart_stream, seeds
from agents.dqn.config import DQNConfig, lengths
from agents.observations import byte_scale, sizes
from drl.environment import EnvFactory, VectorEnv
from drl.errors import UserError
from drl.nn.memory import require_memory, require_room_for_envs
from drl.state import seed_shared, seed_torch


def training_envs(factory: EnvFactory, config: DQNConfig, seed: int) -> VectorEnv:
    """The environments that a run learns in.

    The generators that a process shares are seeded before the first environment is made: somebody's
    may draw from them, in its constructor too.
    """
    seed_shared(seed)
    return _prepared(factory, config, env_seed(seeds(seed).envs))


def restarted_envs(factory: EnvFactory, config: DQNConfig, seed: int, env_steps: int) -> VectorEnv:
    """The same for a run that goes on after `env_steps` and cannot have its episodes back: not its
    first ones again."""
    return _prepared(factory, config, env_seed(restart_stream(seed, env_steps)))


def _prepared(factory: EnvFactory, config: DQNConfig, env_seed: int) -> VectorEnv:
    try:
        require_room_for_envs(config.num_envs)
    except MemoryError as error:
        raise UserError(str(error)) from error
    envs = factory(num_envs=config.num_envs, seed=env_seed)
    if config.eval_envs is None or config.eval_envs > 1:  # else no two more may be open for a try
        envs.prepare()
    return envs


def derived(config: DQNConfig, envs: VectorEnv) -> tuple[DQNConfig, list[str]]:
    """The settings of a new run, complete, and a line on each thing that was left open.

    Done once in the life of a run, which keeps the numbers: training on to other `steps` does not
    change them.  Schedules get their lengths from the run's; bytes get their factor from the
    environment's space.
    """
    found, lines = lengths(config), []
    about = [
        f"{what} over {getattr(found, name):,} {unit}"
        for name, what, unit, used in (
            ("epsilon_steps", "ε", "env steps", not config.noisy),
            ("lr_steps", "the learning rate", "updates", config.lr != config.lr_end),
            ("priority_beta_steps", "prioritized β", "updates", config.prioritized),
        )
        if used and getattr(config, name) is None
    ]
    if about:
        lines.append(f"schedules, from {config.steps:,} env steps in all: {', '.join(about)}")
    complete = replace(config, **found._asdict())
    if config.scale is None and envs.observation_space.dtype == np.uint8:
        scale = byte_scale(envs.observation_space)
        factor = f"1/{1 / scale[0]:g}" if len(scale) == 1 else "a factor for each component"
        lines.append(f"observations are bytes, brought to 0 … 1 by {factor}, from their space")
        complete = replace(complete, scale=scale)
    return complete, lines


def training_agent(
    config: DQNConfig, envs: VectorEnv, seed: int, backend: str = "auto",
    dtype: str = "float32", device: str = "cpu", parts: Parts | None = None,
) -> DQN:  # fmt: skip
    """The agent that learns in them.   UserError where they and the settings do not fit."""
    shape, observation_dtype, actions, first_action = sizes(envs)
    try:
        agent = build_dqn(
            config, shape, observation_dtype, actions, seed, backend, dtype, device,
            envs.frame_stack, parts or Parts(), envs.reward_range, first_action,
        )  # fmt: skip
        _require_room(agent, config)
    except (ValueError, MemoryError) as error:
        raise UserError(f"{envs.id} and these settings do not fit: {error}") from error
    seed_torch(seed)  # environments or network may have been the first to load it
    return agent


def _require_room(agent: DQN, config: DQNConfig) -> None:
    """MemoryError unless this machine has room for what fills as training goes on: the system has
    promised it already, and would kill."""
    replay, nstep, net = agent.replay, agent.nstep, agent.net
    require_memory(
        replay.nbytes, f"the replay memory of {config.buffer_size:,} transitions",
        "a smaller --buffer-size",
    )  # fmt: skip
    require_memory(
        nstep.nbytes, f"--n-step {config.n_step:,} with --num-envs {config.num_envs:,}",
        "fewer of them",
    )  # fmt: skip
    fractions = config.iqn_samples if config.head == "iqn" else 1
    numbers = sum(math.prod(shape) for shape in net.output_shapes) * fractions
    if config.head in ("qr", "iqn"):
        numbers += config.quantiles * (config.quantiles if config.head == "qr" else fractions)
    require_memory(
        config.batch_size * numbers * net.ops.dtype.itemsize,
        f"one pass through the network with a batch of {config.batch_size:,}",
        "a smaller --batch-size",
    )  # fmt: skip
