"""An agent that remembers, REINFORCE (Williams 1992) with a GRU: all else is the library's.

drl train examples/own_recurrent_agent.py --env drl/ProbeMemory-v0
python examples/own_recurrent_agent.py [env steps]
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

import drl
from agents import Agent, RecurrentPolicy, Setup, Update
from agents.recurrent import kept
from drl.environment import Step
from drl.nn.losses import log_softmax
from drl.rng import generator


@dataclass(frozen=True)
class Config:
    """What decides what is learnt."""

    lr: float = 0.01  # Adam's learning rate
    gamma: float = 0.99  # discount of later rewards
    episodes: int = 16  # of a gradient step
    units: int = 16  # of the GRU


class Policy(RecurrentPolicy):
    """argmax_a π(a | s, h; θ)."""

    net: drl.Recurrent

    @property
    def state_size(self) -> int:
        return self.net.state_size

    def step(
        self, obs: np.ndarray, h: np.ndarray, mask: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        z, after, _ = self.net.unroll(obs, h)
        best = self.net.ops.numpy(z).argmax(axis=1)
        return np.asarray(best + self.action_space.start), self.net.ops.numpy(after)


class Reinforce(Agent):
    """∇J = E[Σ_t (G_t − b) ∇ log π(a_t | s_t, h_t; θ)], back through time to where the episode, or
    what is remembered of it here, began.   An end by the clock is an end."""

    def __init__(self, config: Config, setup: Setup) -> None:
        seen, actions = setup.observation_space.shape, setup.action_space
        self.ops, self.start = drl.make_ops("numpy", setup.dtype), int(actions.start)
        layers = [drl.Flatten(), drl.Linear(config.units), drl.Tanh(), drl.GRU(config.units),
                  drl.Linear(int(actions.n))]  # fmt: skip
        self.net = drl.Recurrent(layers, seen, self.ops, generator(setup.seed, "weights"))
        self.optimizer = drl.Adam(self.net, config.lr)
        self.config, self.greedy = config, Policy(config, setup, self.net)
        self.rng = generator(setup.seed, "exploration")
        self.h = self.greedy.initial(setup.num_envs)  # of the episodes under way
        self.first = self.h  # those before the first row
        self.rows: list[Any] = []  # s, a, r, ended: (N, …); r = NaN where it has been learnt from
        self.ended = 0  # episodes since the last gradient step

    def policy(self) -> Policy:
        return self.greedy

    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        y, after, _ = self.net.unroll(obs, self.h)
        z, self.h = self.ops.numpy(y), self.ops.numpy(after)
        noisy = z + self.rng.gumbel(size=z.shape)  # whose argmax is drawn from softmax(z)
        return np.asarray(noisy.argmax(axis=1) + self.start)

    def observe(self, obs: np.ndarray, action: np.ndarray, step: Step) -> None:
        self.h, ended = kept(self.h, step), step.terminated | step.truncated
        self.rows.append((obs, action - self.start, step.reward, ended))
        self.ended += int(ended.sum())

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        self.rows, self.ended = [], 0
        self.first = self.h = 0 * self.h

    def due(self, env_steps: int) -> bool:
        return self.ended >= self.config.episodes

    def learn(self) -> Update:
        s, a, r, ended = map(np.array, zip(*self.rows, strict=True))  # (T, N, …)
        g, later = r.copy(), np.full(r.shape[1], np.nan)  # NaN where the episode is under way
        for t in reversed(range(len(r))):
            later = g[t] = r[t] + self.config.gamma * np.where(ended[t], 0, later)  # G_t = r_t + γG
        whole = np.isfinite(g)  # B of them
        g = np.where(whole, (g - g[whole].mean()) / (g[whole].std() + 1e-8), 0)  # G − b, of size 1
        weight = self.ops.asarray(g.reshape(-1) / whole.sum())

        starts = np.vstack([np.zeros_like(ended[:1]), ended[:-1]]).reshape(-1)
        z, after, backward = self.net.unroll(s.reshape(-1, *s.shape[2:]), self.first, starts)
        log_p = log_softmax(self.ops, z)  # (T·N, A)
        taken = self.ops.scatter(self.ops.indices(a.reshape(-1)), weight, z.shape[1])
        # L = −(1/B) Σ G log π(a | s, h):   ∂L/∂z = (π − onehot) · G/B
        backward(self.ops.exp(log_p) * weight[:, None] - taken)
        self.optimizer.step()

        r[whole] = np.nan
        done = int(np.isnan(r).all(axis=1).argmin()) if not np.isnan(r).all() else len(r)
        states = self.ops.numpy(after).reshape(len(r), -1, self.net.state_size)
        if done:  # of these rows nothing is to be learnt any more
            self.first = np.where(ended[done - 1][:, None], 0, states[done - 1]).astype(
                states.dtype
            )
        self.rows = list(zip(s[done:], a[done:], r[done:], ended[done:], strict=True))
        self.ended, self.updates = 0, self.updates + 1
        return Update(self.updates, lambda: {"train/loss": -float(self.ops.sum(log_p * taken))})

    def state(self) -> dict[str, Any]:
        return self.net.saved() | {
            "optimizer": self.optimizer.state(), "rng": self.rng.bit_generator.state,
            "updates": self.updates, "ended": self.ended, "h": self.h, "first": self.first,
            "rows": dict(zip("sard", map(np.array, zip(*self.rows, strict=True)), strict=False)),
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        self.net.restore(state)
        self.optimizer.load_state(state["optimizer"])
        self.rng.bit_generator.state = state["rng"]
        self.updates, self.ended = state["updates"], state["ended"]
        self.h, self.first = state["h"], state["first"]
        self.rows = list(zip(*state["rows"].values(), strict=True))


build = Reinforce

if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    result = drl.train(sys.modules["__main__"], "drl/ProbeMemory-v0", steps=steps, run="remembers")
    score = drl.load_run("remembers").evaluate(episodes=100)
    print(f"after {result.env_steps:,} env steps: {score.mean:.2f} of 1, without a memory 0.5")
