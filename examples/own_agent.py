"""An agent of your own, REINFORCE (Williams 1992): all else is the library's.

drl train examples/own_agent.py --env CartPole-v1 --lr 0.003 --seeds 3
python examples/own_agent.py [env steps]
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

import drl
from agents import Agent, SavedPolicy, Setup, Update
from drl.environment import Step
from drl.nn.losses import log_softmax
from drl.rng import generator


@dataclass(frozen=True)
class Config:
    """What decides what is learnt."""

    lr: float = 0.01  # Adam's learning rate
    gamma: float = 0.99  # discount of later rewards
    episodes: int = 16  # of a gradient step
    hidden: tuple[int, ...] = (64,)  # neurons of each hidden layer


class Policy(SavedPolicy):
    """argmax_a π(a | s; θ)."""

    def act_batch(self, obs: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        z = self.net.ops.numpy(self.net(obs))
        return np.asarray(z.argmax(axis=1) + self.action_space.start)


class Reinforce(Agent):
    """∇J = E[Σ_t (G_t − b) ∇ log π(a_t | s_t; θ)],  π = softmax(z).   The end by the clock is an
    end: there is no V to ask what would have come."""

    def __init__(self, config: Config, setup: Setup) -> None:
        seen, actions = setup.observation_space.shape, setup.action_space
        seed, self.start = generator(setup.seed, "weights"), int(actions.start)
        self.net = drl.MLP(seen, int(actions.n), config.hidden, seed=seed, **setup.machine)
        self.ops, self.optimizer = self.net.ops, drl.Adam(self.net, config.lr)
        self.config, self.greedy = config, Policy(config, setup, self.net)
        self.rng = generator(setup.seed, "exploration")
        self.rows: list[Any] = []  # s, a, r, ended: (N, …); r = NaN where it has been learnt from
        self.ended = 0  # episodes since the last gradient step

    def policy(self) -> Policy:
        return self.greedy

    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        z = self.ops.numpy(self.net(obs))
        noisy = z + self.rng.gumbel(size=z.shape)  # whose argmax is drawn from softmax(z)
        return np.asarray(noisy.argmax(axis=1) + self.start)

    def observe(self, obs: np.ndarray, action: np.ndarray, step: Step) -> None:
        ended = step.terminated | step.truncated
        self.rows.append((obs, action - self.start, step.reward, ended))
        self.ended += int(ended.sum())

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        self.rows, self.ended = [], 0

    def due(self, env_steps: int) -> bool:
        return self.ended >= self.config.episodes

    def learn(self) -> Update:
        s, a, r, ended = map(np.array, zip(*self.rows, strict=True))  # (T, N, …)
        g, later = r.copy(), np.full(r.shape[1], np.nan)  # NaN where the episode is under way
        for t in reversed(range(len(r))):
            later = g[t] = r[t] + self.config.gamma * np.where(ended[t], 0, later)  # G_t = r_t + γG
        whole = np.isfinite(g)  # B of them
        r[whole] = np.nan
        self.rows = [row for row in zip(s, a, r, ended, strict=True) if not np.isnan(row[2]).all()]
        s, a, g = s[whole], a[whole], g[whole]
        g = self.ops.asarray((g - g.mean()) / (g.std() + 1e-8))  # (B,) G − b, of size 1

        z, backward = self.net.forward(s)
        log_p = log_softmax(self.ops, z)  # (B, A)
        taken = self.ops.scatter(self.ops.indices(a), g / len(g), z.shape[1])  # onehot · G/B
        # L = −(1/B) Σ G log π(a | s):   ∂L/∂z = (π − onehot) · G/B
        backward(self.ops.exp(log_p) * (g / len(g))[:, None] - taken)
        self.optimizer.step()
        self.ended, self.updates = 0, self.updates + 1
        return Update(self.updates, lambda: {"train/loss": -float(self.ops.sum(log_p * taken))})

    def state(self) -> dict[str, Any]:
        return {
            "net": self.ops.numpy(self.net.params).copy(), "optimizer": self.optimizer.state(),
            "rng": self.rng.bit_generator.state, "updates": self.updates, "ended": self.ended,
            "rows": dict(zip("sard", map(np.array, zip(*self.rows, strict=True)), strict=False)),
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        self.net.load(state["net"])
        self.optimizer.load_state(state["optimizer"])
        self.rng.bit_generator.state = state["rng"]
        self.updates, self.ended = state["updates"], state["ended"]
        self.rows = list(zip(*state["rows"].values(), strict=True))


build = Reinforce

if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    result = drl.train(sys.modules["__main__"], "CartPole-v1", steps=steps, run="reinforce")
    score = drl.load_run("reinforce").evaluate(episodes=100)
    print(f"after {result.env_steps:,} env steps: mean return {score.mean:.1f} of 100 episodes")
