"""An agent that learns from whole rollouts, several epochs of minibatches each: what the one loop
has to carry.  ∇J = E[(G − b) ∇ log π(a | s; θ)], with G cut at the rollout's end."""

from dataclasses import dataclass

import numpy as np

from agents.agent import Agent
from agents.policy import SavedPolicy
from drl.experiment.task import Update
from drl.nn import MLP, Adam
from drl.nn.losses import log_softmax
from drl.rng import generator


@dataclass(frozen=True)
class Config:
    """Everything that decides what is learnt."""

    lr: float = 0.01
    gamma: float = 0.9
    rollout: int = 7
    """Steps of each environment."""
    epochs: int = 3
    batches: int = 2
    """Minibatches of an epoch."""


class Policy(SavedPolicy):
    """argmax_a z_a."""

    def act_batch(self, obs, mask=None):
        z = self.net.ops.numpy(self.net(obs))
        return np.asarray(z.argmax(axis=1)) + self.action_space.start


class OnPolicy(Agent):
    def __init__(self, config, setup):
        shape, self.start = setup.observation_space.shape, int(setup.action_space.start)
        seed = generator(setup.seed, "weights")
        self.net = MLP(shape, int(setup.action_space.n), hidden=(), seed=seed, **setup.machine)
        self.ops, self.optimizer = self.net.ops, Adam(self.net, config.lr)
        self.config, self.num_envs = config, setup.num_envs
        self.saved, self.rng = Policy(config, setup, self.net), generator(setup.seed, "exploration")
        self.rows = []  # s, a, r, ended: (N, …), of the rollout under way
        self.left = []  # minibatches (s, a, G) of the phase under way
        self.losses = []  # of its updates

    def policy(self):
        return self.saved

    def act(self, obs, env_steps, mask=None):
        assert not self.left, "acting within a phase"
        z = self.ops.numpy(self.net(obs))
        return np.asarray((z + self.rng.gumbel(size=z.shape)).argmax(axis=1)) + self.start

    def observe(self, obs, action, step):
        ended = step.terminated | step.truncated
        self.rows.append((obs.copy(), action - self.start, step.reward.copy(), ended))

    def interrupt_episodes(self, which=None):
        if self.rows:
            self.rows[-1][3][slice(None) if which is None else which] = True

    def due(self, env_steps):
        return bool(self.left) or len(self.rows) == self.config.rollout

    def whole_steps(self, steps):
        size = self.config.rollout * self.num_envs
        return -(-steps // size) * size

    def learn(self):
        if not self.left:
            self._begin_phase()
        s, a, g = self.left.pop(0)
        z, backward = self.net.forward(s)
        log_p = log_softmax(self.ops, z)
        taken = self.ops.scatter(self.ops.indices(a), self.ops.asarray(g) / len(g), z.shape[1])
        backward(self.ops.exp(log_p) * self.ops.sum(taken, axis=1, keepdims=True) - taken)
        self.optimizer.step()
        self.losses.append(-float(self.ops.sum(log_p * taken)))
        self.updates += 1
        losses = list(self.losses)
        return Update(self.updates, lambda: {
            "train/loss": float(np.mean(losses)), "train/phase": float(len(losses)),
            "train/losses": np.array(losses),
        })  # fmt: skip

    def _begin_phase(self):
        s, a, r, ended = map(np.array, zip(*self.rows, strict=True))  # (T, N, …)
        g, later = r.copy(), np.zeros(r.shape[1])
        for t in reversed(range(len(r))):
            later = g[t] = r[t] + self.config.gamma * np.where(ended[t], 0, later)
        g = (g - g.mean()) / (g.std() + 1e-8)
        s, a, g = (x.reshape(-1, *x.shape[2:]) for x in (s, a, g))
        for _ in range(self.config.epochs):
            for rows in np.array_split(self.rng.permutation(len(g)), self.config.batches):
                self.left.append((s[rows], a[rows], g[rows]))
        self.rows, self.losses = [], []

    def state(self):
        assert not self.left, "a checkpoint within a phase"
        return {
            "net": self.ops.numpy(self.net.params).copy(), "optimizer": self.optimizer.state(),
            "rng": self.rng.bit_generator.state, "updates": self.updates,
            "rows": dict(zip("sard", map(np.array, zip(*self.rows, strict=True)), strict=False)),
        }  # fmt: skip

    def load_state(self, state):
        self.net.load(state["net"])
        self.optimizer.load_state(state["optimizer"])
        self.rng.bit_generator.state = state["rng"]
        self.updates = state["updates"]
        self.rows = list(zip(*state["rows"].values(), strict=True))


build = OnPolicy
