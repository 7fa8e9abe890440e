"""Hill climbing on the weights of one layer: what no agent of ours does, for the test that the
house needs a folder and a row for a new one, and nothing else."""

from dataclasses import dataclass

import numpy as np

from agents.agent import Agent
from agents.policy import SavedPolicy
from drl.experiment.task import Update
from drl.nn import MLP
from drl.rng import generator


@dataclass(frozen=True)
class Config:
    """Everything that decides what is learnt."""

    width: float = 0.1
    """Standard deviation of a step."""
    episodes: int = 32
    """Episodes that a step is judged by."""


class Policy(SavedPolicy):
    """argmax_a (Ws + b)_a."""

    def act_batch(self, obs, mask=None):
        return best(self.net, obs) + self.action_space.start


class Climber(Agent):
    """θ′ = θ + ε;  θ ← θ′ where its episodes earn as much."""

    def __init__(self, config, setup):
        shape, self.start = setup.observation_space.shape, setup.action_space.start
        count, self.rng = int(setup.action_space.n), generator(setup.seed, "exploration")
        seed = generator(setup.seed, "weights")
        self.net = MLP(shape, count, hidden=(), seed=seed, **setup.machine)
        self.trial = MLP(shape, count, hidden=(), **setup.machine)
        self.trial.copy_from(self.net)
        self.config, self.saved = config, Policy(config, setup, self.net)
        self.record, self.total, self.ended = None, 0.0, 0

    def act(self, obs, env_steps, mask=None):
        return best(self.trial, obs) + self.start

    def observe(self, obs, action, step):
        self.total += float(step.reward.sum())
        self.ended += int((step.terminated | step.truncated).sum())

    def interrupt_episodes(self, which=None):
        self.total, self.ended = 0.0, 0

    def due(self, env_steps):
        return self.ended >= self.config.episodes

    def learn(self):
        mean = self.total / self.ended
        if self.record is None or mean >= self.record:
            self.record = mean
            self.net.copy_from(self.trial)
        ops, steps = self.net.ops, self.rng.normal(0, self.config.width, self.net.size)
        self.trial.params[:] = self.net.params + ops.asarray(steps)
        self.total, self.ended, self.updates = 0.0, 0, self.updates + 1
        return Update(self.updates, lambda: {"train/climbed": mean})

    def policy(self):
        return self.saved

    def state(self):
        nets = {"net": self.net, "trial": self.trial}
        return {name: net.ops.numpy(net.params).copy() for name, net in nets.items()} | {
            "rng": self.rng.bit_generator.state, "updates": self.updates, "record": self.record,
            "total": self.total, "ended": self.ended,
        }  # fmt: skip

    def load_state(self, state):
        self.net.load(state["net"])
        self.trial.load(state["trial"])
        self.rng.bit_generator.state = state["rng"]
        self.updates, self.record = state["updates"], state["record"]
        self.total, self.ended = state["total"], state["ended"]


def best(net, obs):
    """argmax_a of the net's outputs."""
    return np.asarray(net.ops.numpy(net(obs)).argmax(axis=1))


build = Climber
