"""An agent for actions of any kind, which no agent of ours is: what was done with more reward than
usual is imitated.  L = E[w (f(s) − a)²],  w = max(r − mean r, 0); its memory keeps the
environment's own actions, over two steps."""

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, MultiBinary, MultiDiscrete

from agents.agent import Agent
from agents.memory.nstep import NStep
from agents.memory.replay import ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage
from agents.policy import SavedPolicy
from drl.action_space import KINDS
from drl.actions import UnitBox
from drl.experiment.task import Update
from drl.nn import MLP, Adam
from drl.rng import generator

ACTIONS = KINDS[1:]  # no Discrete


@dataclass(frozen=True)
class Config:
    """Everything that decides what is learnt."""

    lr: float = 0.003
    noise: float = 0.5
    """Standard deviation of what is tried, in units of half the space."""


def unit_of(space):
    """−1 … 1 of whole numbers too."""
    if isinstance(space, MultiDiscrete):
        space = Box(space.start, space.start + space.nvec - 1, space.shape, space.dtype.type)
    if isinstance(space, MultiBinary):
        space = Box(0, 1, space.shape, np.int8)
    return UnitBox(space)


class Policy(SavedPolicy):
    """a = f(s)."""

    def __init__(self, config, setup, net):
        super().__init__(config, setup, net)
        self.actions = unit_of(setup.action_space)

    def means(self, obs):
        z = self.net.ops.numpy(self.net(obs))
        return z.reshape(-1, *self.action_space.shape)

    def act_batch(self, obs, mask=None):
        return self.actions.decode(self.means(obs))


class Imitator(Agent):
    def __init__(self, config, setup):
        space, seen = setup.action_space, setup.observation_space
        seed, count = generator(setup.seed, "weights"), int(np.prod(space.shape))
        self.net = MLP(seen.shape, count, hidden=(32,), seed=seed, **setup.machine)
        self.ops, self.optimizer = self.net.ops, Adam(self.net, config.lr)
        self.config, self.saved = config, Policy(config, setup, self.net)
        self.rng = generator(setup.seed, "exploration")
        storage = ArrayStorage(seen.shape, seen.dtype)
        sampler = UniformSampler(2_000, 64, generator(setup.seed, "replay"))
        replay = ReplayBuffer(2_000, 64, storage, sampler, space.shape, space.dtype)
        self.nstep = NStep(replay, 2, 0.0, setup.num_envs)

    def policy(self):
        return self.saved

    def act(self, obs, env_steps, mask=None):
        means = self.saved.means(obs)
        return self.saved.actions.decode(means + self.rng.normal(0, self.config.noise, means.shape))

    def observe(self, obs, action, step):
        self.nstep.add(
            obs, action, step.reward, step.terminated, step.truncated, step.final_obs
        )  # fmt: skip

    def interrupt_episodes(self, which=None):
        self.nstep.interrupt_episodes()

    def due(self, env_steps):
        return env_steps > 200 and self.updates < env_steps // 4

    def learn(self):
        batch, ops = self.nstep.replay.sample(), self.ops
        wanted = self.saved.actions.encode(batch.a).reshape(len(batch.a), -1)
        weight = np.maximum(batch.r - batch.r.mean(), 0)
        weight /= weight.sum() + 1e-8
        y, backward = self.net.forward(batch.s)
        off = y - ops.asarray(wanted)
        backward(2 * off * ops.asarray(weight)[:, None])
        self.optimizer.step()
        self.updates += 1
        loss = float((ops.numpy(off) ** 2 * weight[:, None]).sum())
        return Update(self.updates, lambda: {"train/loss": loss})

    def state(self):
        return {
            "net": self.ops.numpy(self.net.params).copy(), "optimizer": self.optimizer.state(),
            "rng": self.rng.bit_generator.state, "nstep": self.nstep.state(),
            "replay": self.nstep.replay.state(), "updates": self.updates,
        }  # fmt: skip

    def load_state(self, state):
        self.net.load(state["net"])
        self.optimizer.load_state(state["optimizer"])
        self.rng.bit_generator.state = state["rng"]
        self.nstep.load_state(state["nstep"])
        self.nstep.replay.load_state(state["replay"])
        self.updates = state["updates"]


build = Imitator
