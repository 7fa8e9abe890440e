"""`train`: an agent in one call, by the same steps as `drl train dqn`, which logs them besides."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from agents.checks import Evaluations
from agents.dqn.agent import DQN
from agents.dqn.build import Parts
from agents.dqn.config import DQNConfig, no_updates
from agents.dqn.presets import preset
from agents.evaluation import Evaluation, evaluate_agent
from agents.observations import sizes
from agents.policy import GreedyPolicy
from agents.setup import derived, training_agent, training_envs
from agents.training import Training
from drl.closing import close
from drl.environment import EnvFactory
from drl.errors import EnvFailed, UserError
from drl.state import shared_generators_kept
from drl.threads import one_thread


class Trained(NamedTuple):
    """What training has come to."""

    policy: GreedyPolicy  # the best of the greedy evaluations
    agent: DQN  # as training left it
    solved: bool  # 100 greedy episodes reached config.solved_at
    mean_reward: float  # of the best evaluation, undiscounted
    env_steps: int


def train(
    factory: EnvFactory, config: DQNConfig | None = None, parts: Parts | None = None, *,
    seed: int = 1, steps: int | None = None,
    on_check: Callable[[int, Evaluation], object] | None = None,
    backend: str = "auto", device: str = "cpu",
) -> Trained:  # fmt: skip
    """Deep Q-learning until solved or out of steps; the best greedy policy of its checks is kept.

    factory   makes them: envs.factory("CartPole-v1"), envs.factory(MyEnv), or a class of envs
    config    settings; none: the preset of the environments' id, or the defaults
    parts     your own network, bootstrap, schedules, exploration
    seed      of everything random: the same seed gives the same bytes, and those of
              `drl train dqn --seed`, whatever has run before in this process; the generators
              that a process shares (random, numpy's, torch's) are seeded too, for environments
              that draw from them, and are afterwards as they were
    steps     env steps to train for, in place of config.steps; schedules without a length of
              their own follow
    on_check  called with env steps and the result of each greedy evaluation

    UserError where environments and settings do not fit; agents.Diverged where the gradient is no
    longer a number; agents.EnvFailed where an environment cannot be played any more: its `trained`
    is what was learnt until then.
    """
    if not callable(factory):
        raise UserError(
            f"train makes environments as often as it needs them, got {factory!r}: give "
            "envs.factory('CartPole-v1'), or a function of num_envs and seed"
        )
    with shared_generators_kept():  # an environment may draw from them: seeded, and given back
        config = _preset(factory) if config is None else config
        config = config if steps is None else replace(config, steps=steps)
        return _train(factory, config, parts, seed, on_check, backend, device)


def _train(
    factory: EnvFactory, config: DQNConfig, parts: Parts | None, seed: int,
    on_check: Callable[[int, Evaluation], object] | None, backend: str, device: str,
) -> Trained:  # fmt: skip
    envs = training_envs(factory, config, seed)
    checks = Evaluations(config, seed)
    try:
        config, _ = derived(config, envs)
        if (text := no_updates(config, config.steps)) is not None:
            warnings.warn(text, stacklevel=3)
        agent = training_agent(config, envs, seed, backend, device=device, parts=parts)
        shape, observation_dtype, actions, first_action = sizes(envs)
        policy = GreedyPolicy(
            config, shape, observation_dtype, actions, parts.net if parts else None,
            first_action=first_action,
        )  # fmt: skip
        training = Training(agent, envs, config.updates_per_step, config.learning_starts)

        def check() -> None:
            result, better = checks.check(partial(evaluate_agent, training, factory, config))
            if better:
                policy.copy_from(agent)
            if on_check is not None:
                on_check(training.env_steps, result)

        with one_thread():
            for step in training.run(config.steps):
                if checks.due(step.env_steps):
                    check()
                if checks.solved:
                    break
            if not checks.played:  # no run ends without a policy that was scored
                check()
    except EnvFailed as error:
        if not checks.played:
            policy.copy_from(agent)
        error.trained = Trained(policy, agent, False, checks.best, training.env_steps)
        raise
    finally:
        close(envs)
    return Trained(policy, agent, checks.solved, checks.best, training.env_steps)


def _preset(factory: EnvFactory) -> DQNConfig:
    """One environment is asked for its id alone."""
    env = factory(num_envs=1, seed=0)
    close(env)
    return preset(env.id)
