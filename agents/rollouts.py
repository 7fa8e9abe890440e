"""Base of agents that learn from whole rollouts, in epochs of minibatches: PPO, A2C, PQN."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from agents.agent import Agent
from agents.memory.minibatches import R, taken
from agents.memory.rollout import Rollout
from agents.normalisation import ReturnScale, Statistics
from drl.experiment.task import Update
from drl.nn import Network
from drl.nn.finite import require_finite
from drl.nn.memory import GIB
from drl.nn.optim import Optimizer, clip_norm
from drl.nn.schedules import Schedule
from drl.state import whole


class RolloutAgent(Agent):
    """Base of what learns from whole rollouts: when it is due, how θ moves, what is kept.

    An agent adds `epochs`, the gradient steps of a full rollout, and the rest of an agent.

    net            is what `optimizer` moves
    rollout        is filled, learnt from, and dropped
    shuffle        generator of the minibatches' order
    lr             by env steps that had been learnt from when the rollout began
    n_epochs       times that a rollout is gone through
    batch_size     rows of a minibatch; None: all
    max_grad_norm  ‖∂L/∂θ‖ is cut to this; None leaves it
    statistics     what is gathered of observations and returns (agents.normalisation)
    returns        the one among them that rewards are divided by; None: they are not
    """

    def __init__(
        self, net: Network, rollout: Rollout, optimizer: Optimizer, shuffle: np.random.Generator,
        lr: Schedule, n_epochs: int = 1, batch_size: int | None = None,
        max_grad_norm: float | None = None,
        statistics: Sequence[Statistics] = (), returns: ReturnScale | None = None,
    ) -> None:  # fmt: skip
        self.net, self.ops, self.rollout, self.optimizer = net, net.ops, rollout, optimizer
        self.shuffle, self.lr, self.n_epochs = shuffle, lr, n_epochs
        self.rows = rollout.steps * rollout.num_envs
        self.batch_size, self.max_grad_norm = batch_size or self.rows, max_grad_norm
        self.statistics, self.returns = statistics, returns
        self.updates = self.rollouts = 0  # gradient steps; rollouts learnt from
        self.phase: Iterator[Update] | None = None  # of a full rollout

    @abstractmethod
    def epochs(self) -> Iterator[Update]:
        """The gradient steps of a full rollout; `finish` comes before the last is handed out."""

    @property
    def nbytes(self) -> int:
        """Of the rollout."""
        return self.rollout.nbytes

    @property
    def dtype(self) -> Any:
        """Of the network's numbers, numpy's."""
        return self.ops.numpy(self.net.params).dtype

    def about(self) -> list[str]:
        """What a rollout is, and how often it is gone through."""
        steps, envs = self.rollout.steps, self.rollout.num_envs
        size = min(self.batch_size, self.rows)
        passes = f"{self.n_epochs} epochs" if self.n_epochs > 1 else "1 epoch"
        return [
            f"rollouts of {self.rows:,} rows ({steps:,} steps × {envs:,} envs, "
            f"{self.rollout.nbytes / GIB:.3f} GiB), each learnt from in {passes} of minibatches of "
            f"{size:,}",
            *(line for part in self.statistics for line in part.about()),
        ]

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        """Episodes under way are restarted: all are cut at the newest step, since a step of all
        environments has not been remembered."""
        self.rollout.interrupt_episodes()
        for part in self.statistics:
            part.interrupt_episodes()

    def whole_steps(self, steps: int) -> int:
        """Rounded up to whole rollouts: a part of one would never be learnt from."""
        return -(-steps // self.rows) * self.rows

    def due(self, env_steps: int) -> bool:
        """Whether a rollout is full, and its epochs are not over."""
        return self.rollout.full

    def learn(self) -> Update:
        """One gradient step on a minibatch; the last one of a rollout drops it."""
        if self.phase is None:
            self.phase = self.epochs()
        return next(self.phase)

    def minibatch(self, rows: R, chosen: np.ndarray | None) -> R:
        """The rows of these numbers, None: all, with the observations (B, *shape) of their `s`.

        rows  columns of a rollout, observations as its storage keeps them
        """
        batch = rows if chosen is None else taken(rows, chosen)
        found: R = batch._replace(s=self.rollout.storage.decode(batch.s))
        return found

    def finish(self) -> None:
        """The rollout has been learnt from."""
        self.rollout.clear()
        self.rollouts += 1
        self.phase = None

    def descend(self, lr: float) -> float:
        """θ moves against its gradient by the optimizer's rule; ‖∂L/∂θ‖ before it was cut.

        Diverged where the gradient or the parameters hold NaN or Inf.
        """
        net = self.net
        norm = clip_norm(net, self.max_grad_norm)
        require_finite(norm, net, net.grads, "gradient", self.updates + 1)
        self.optimizer.step(lr)
        self.updates += 1
        require_finite(self.ops.norm(net.params), net, net.params, "parameters", self.updates)
        return norm

    def state(self) -> dict[str, Any]:
        """All that the next update depends on; never asked for while a rollout is learnt from."""
        assert self.phase is None
        return self.net.saved() | {
            "optimizer": self.optimizer.state(),
            "rollout": self.rollout.state(),
            "shuffle": self.shuffle.bit_generator.state,
            "updates": self.updates,
            "rollouts": self.rollouts,
            "statistics": {part.name: part.state() for part in self.statistics},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another agent's."""
        self.net.restore(state)
        self.optimizer.load_state(state["optimizer"])
        self.rollout.load_state(state["rollout"])
        self.shuffle.bit_generator.state = state["shuffle"]
        for part in self.statistics:
            part.load_state(state["statistics"][part.name])
        self.updates, self.rollouts = whole(state, "updates"), whole(state, "rollouts")
        if self.updates != self.optimizer.steps:
            raise ValueError(
                f"{self.updates:,} updates, but the optimizer has made {self.optimizer.steps:,}"
            )
