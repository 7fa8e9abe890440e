"""`train`: an agent in one call, by the same steps as `drl train dqn`, which logs them besides."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Protocol

from agents.build import Parts, build_dqn, env_seed, seeds
from agents.checks import Checks
from agents.config import DQNConfig
from agents.dqn import DQN
from agents.evaluation import Evaluation, evaluate_fresh
from agents.policy import GreedyPolicy
from agents.presets import preset
from agents.training import Training, VectorEnv
from drl.errors import UserError


class DescribedEnv(VectorEnv, Protocol):
    """Worlds that say what they are, and not only move (envs.VectorEnv)."""

    id: str
    observation_shape: tuple[int, ...]
    observation_dtype: type
    actions: int
    stack: int
    restarts: list[str]

    def close(self) -> None:
        """Free what they hold."""


class Worlds(Protocol):
    """Makes N worlds side by side, as often as it is asked: for training, and for each check.

    envs.worlds gives it from an id or from a function that builds one of Gymnasium's envs; a class
    derived from envs.NumpyEnv is one itself.
    """

    def __call__(self, *, num_envs: int, seed: int) -> DescribedEnv:
        """`num_envs` worlds, seeded."""


class Trained(NamedTuple):
    """What training has come to."""

    policy: GreedyPolicy  # the best of the greedy checks
    agent: DQN  # as training left it
    solved: bool  # 100 greedy episodes reached config.solved_at
    mean_reward: float  # of the best check, undiscounted
    env_steps: int


def train(
    worlds: Worlds, config: DQNConfig | None = None, parts: Parts | None = None, *,
    seed: int = 1, steps: int | None = None,
    on_check: Callable[[int, Evaluation], object] | None = None,
    backend: str = "auto", device: str = "cpu",
) -> Trained:  # fmt: skip
    """Deep Q-learning until solved or out of steps; the best greedy policy of its checks is kept.

    worlds    makes them: envs.worlds("CartPole-v1"), envs.worlds(MyEnv), or a class of envs
    config    settings; none: the preset of the worlds' id, or the defaults
    parts     your own network, bootstrap, schedules, exploration
    seed      of everything random: the same seed gives the same bytes, and those of
              `drl train dqn --seed`
    steps     env steps to train for, in place of config.steps
    on_check  called with env steps and the result of each greedy check

    UserError where worlds and settings do not fit; agents.Diverged where the gradient is no
    longer a number.
    """
    if not callable(worlds):
        raise UserError(
            f"train makes worlds as often as it needs them, got {worlds!r}: give "
            "envs.worlds('CartPole-v1'), or a function of num_envs and seed"
        )
    config = _preset(worlds) if config is None else config
    config = config if steps is None else replace(config, steps=steps)
    envs = worlds(num_envs=config.num_envs, seed=env_seed(seeds(seed).envs))
    about = (config, envs.observation_shape, envs.observation_dtype, envs.actions)
    try:
        agent = build_dqn(
            *about, seed, backend, device=device, stack=envs.stack, parts=parts or Parts()
        )
        policy = GreedyPolicy(*about, net=parts.net if parts else None)
    except (ValueError, MemoryError) as error:
        raise UserError(f"{envs.id} and these settings do not fit: {error}") from error
    training = Training(agent, envs, config.updates_per_step, config.learning_starts)
    checks, restarts = Checks(config, seed), 0
    greedy = partial(evaluate_fresh, agent.greedy, worlds)

    try:
        for step in training.run(config.steps):
            for what in envs.restarts[restarts:]:
                restarts += 1
                warnings.warn(f"{what}; it was made anew, its episode is lost", stacklevel=2)
            unchecked_end = step.env_steps >= config.steps and not checks.played
            if not checks.due(step.env_steps) and not unchecked_end:  # no policy without a check
                continue
            result, better = checks.check(greedy)
            if better:
                policy.copy_from(agent)
            if on_check is not None:
                on_check(step.env_steps, result)
            if checks.solved:
                break
    finally:
        envs.close()
    return Trained(policy, agent, checks.solved, checks.best, training.env_steps)


def _preset(worlds: Worlds) -> DQNConfig:
    """One world is asked for its id alone."""
    world = worlds(num_envs=1, seed=0)
    world.close()
    return preset(world.id)
