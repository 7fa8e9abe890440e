"""Warnings of Q-learning that runs away: said when due, once, and not otherwise."""

from typing import Any

import numpy as np
from made import dqn, step

from agents import DQNConfig
from agents.dqn import metrics
from agents.dqn.agent import DQN
from agents.dqn.divergence import Divergence
from drl.experiment.task import Update


def learnt_from(config: DQNConfig, rewards: Any) -> DQN:
    """An agent with a step of four environments in its memory."""
    agent = dqn(config, (2,), seed=0, num_envs=4)
    s, no = np.ones((4, 2), np.float32), np.zeros(4, bool)
    agent.observe(s, np.zeros(4, int), step(rewards, no, no, s))
    return agent


def with_q(agent: DQN, q: float) -> Update:
    """An update of an agent all of whose Q are `q`, in scaled rewards."""
    agent.net.params[:] = 0
    agent.net.layers[-1].b[:] = q
    return agent.learn()


def watch(agent: DQN, declared: tuple[float, float] | None = None) -> Divergence:
    return Divergence(agent, declared, every=1)


class Experiment:
    """What a callback asks of it."""

    step = 0

    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, text: str) -> None:
        self.said.append(text)


def test_explosion_is_measured_against_what_rewards_can_add_up_to() -> None:
    config = DQNConfig(hidden=(), n_step=1, gamma=0.9, reward_scale=0.5, batch_size=4)
    agent = learnt_from(config, [1.0, -3.0, 2.0, 0.0])
    assert abs(metrics.reachable_q(agent) - 30.0) < 1e-4  # 3/(1 − 0.9), in env rewards
    dog = watch(agent)
    assert dog.values(with_q(agent, 149.0).seen) is None  # |Q| = 298 in env rewards: under 10 · 30
    seen = with_q(agent, 151.0).seen
    said = dog.values(seen) or ""
    assert "Q explodes" in said and "`reward_range`" in said and "`lr`" not in said
    assert dog.values(seen) is None  # said once
    assert dog.values(with_q(agent, 10.0).seen) is None
    assert dog.values(with_q(agent, 151.0).seen) == said  # again, after it was mended


def test_without_a_reward_nothing_is_said() -> None:
    """A game that has not paid yet: whatever Q is, it may be right."""
    agent = learnt_from(DQNConfig(hidden=(), batch_size=4), np.zeros(4))
    assert watch(agent).values(with_q(agent, 1e6).seen) is None


def test_of_a_bounded_bootstrap_another_remedy_is_said() -> None:
    config = DQNConfig(hidden=(), gamma=0.9, batch_size=4, value_bound=(-1e9, 1e9))
    agent = learnt_from(config, np.ones(4))
    said = watch(agent).values(with_q(agent, 101.0).seen) or ""  # 10 · 1/(1 − 0.9), and a bit
    assert "`value_bound`" in said and "`reward_range`" not in said


def test_rewards_beyond_the_declared_range_are_said_once() -> None:
    """n = 2, γ = ½: rewards of 0 … 1 add up to 1.5 at most."""
    config = DQNConfig(hidden=(), n_step=2, gamma=0.5, reward_scale=0.1, batch_size=4)
    for reward, wrong in ((1.0, False), (1.01, True), (-0.01, True), (0.0, False)):
        agent = dqn(config, (2,), seed=0, num_envs=4)
        s, no = np.ones((4, 2), np.float32), np.zeros(4, bool)
        for _ in range(3):
            agent.observe(s, np.zeros(4, int), step(np.full(4, reward), no, no, s))
        dog = watch(agent, (0.0, 1.0))
        said = dog.rewards()
        assert (said is not None) == wrong, reward
        assert not wrong or "give `reward_range`" in (said or "")
        assert dog.rewards() is None
        assert watch(agent).rewards() is None


def test_it_looks_when_it_is_due_and_remembers_what_it_has_said() -> None:
    agent = learnt_from(DQNConfig(hidden=(), gamma=0.9, batch_size=4), np.ones(4))
    dog, experiment = Divergence(agent, None, every=250), Experiment()
    update = with_q(agent, 1e3)
    dog.on_update(experiment, update)
    assert experiment.said == []  # at step 0 no look is due
    experiment.step = 256
    dog.on_update(experiment, update)
    assert len(experiment.said) == 1 and "Q explodes" in experiment.said[0]
    often = Divergence(agent, None, every=100)  # log_every was changed since
    often.load_state(dog.state())
    assert often.looks.next == 500
    again, experiment.step = Divergence(agent, None, every=250), 512
    again.load_state(dog.state())
    again.on_update(experiment, update)
    assert len(experiment.said) == 1
