"""Deep Q-learning: the network of the digits, with another gradient at its output."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from agents.exploration import EpsilonGreedy, greedy
from agents.nstep import NStep
from agents.replay import Batch
from agents.targets import Bootstrap
from drl.nn import Network
from drl.nn.losses import Huber
from drl.nn.ops import Array
from drl.nn.optim import Optimizer, clip_norm


class Learned(NamedTuple):
    """What one update saw, for whoever wants to look.  Backend arrays, computed anyway."""

    q: Array  # (B, A) Q(s, ·; θ)
    a: Array  # (B,) the actions taken
    td_error: Array  # (B,) δ = Q(s, a; θ) − y
    grad_norm: float  # ‖∂L/∂θ‖ before clipping


class Diverged(ArithmeticError):
    """The gradient is no longer a finite number.  The parameters are still those before it."""

    def __init__(self, layer: str, update: int) -> None:
        super().__init__(f"the gradient of {layer} is NaN or Inf at update {update:,}")


class DQN:
    """Q(s, a; θ) fitted to y = r + γᵏ(1 − terminated)·bootstrap(s′).   Mnih et al. 2015.

    Parts: the online and the target network, an optimizer of the online one, n-step returns on
    their way to a replay memory, exploration, and the bootstrap (agents.targets).  Swap a part and
    it is another agent.

    target_period, tau   θ⁻ ← θ⁻ + τ(θ − θ⁻) every `target_period` updates: τ = 1 copies (Mnih et
                         al. 2015), a small τ at every update averages (Lillicrap et al. 2016).
    max_grad_norm        ‖∂L/∂θ‖ is cut to this; None leaves it.
    reward_scale         rewards are multiplied by it, so Q is in units of 1/reward_scale.  With |Q|
                         far above 1, Huber's clipping gives a failure that is wrong by 80 no more
                         weight than one that is wrong by 1 (docs/decisions/reward-scale.md).
    """

    def __init__(
        self, net: Network, target_net: Network, optimizer: Optimizer, nstep: NStep,
        exploration: EpsilonGreedy, bootstrap: Bootstrap,
        target_period: int = 1, tau: float = 0.005, max_grad_norm: float | None = None,
        reward_scale: float = 1.0,
    ) -> None:  # fmt: skip
        self.net, self.target_net, self.ops = net, target_net, net.ops
        self.optimizer, self.nstep, self.replay = optimizer, nstep, nstep.replay
        self.exploration, self.bootstrap = exploration, bootstrap
        self.target_period, self.tau, self.max_grad_norm = target_period, tau, max_grad_norm
        self.reward_scale = reward_scale
        self.loss = Huber(net.ops)
        self.updates = 0
        self.actions = net.output_shapes[-1][0]
        target_net.copy_from(net)

    # -- acting -------------------------------------------------------------------------------
    def act(self, obs: np.ndarray, env_steps: int) -> np.ndarray:
        """Actions to learn from: (N, *shape) → (N,)."""
        return self.exploration(self.greedy(obs), env_steps)

    def greedy(self, obs: np.ndarray) -> np.ndarray:
        """argmax_a Q(s, a; θ): (N, *shape) → (N,)."""
        return greedy(self.net, obs)

    # -- learning -----------------------------------------------------------------------------
    def observe(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, terminated: np.ndarray,
        truncated: np.ndarray, s_next: np.ndarray,
    ) -> None:  # fmt: skip
        """Remember N transitions.  s_next is the true successor, also where the episode ended."""
        self.nstep.add(s, a, r * self.reward_scale, terminated, truncated, s_next)

    def forget(self) -> None:
        """The episodes under way are begun anew: their open n-step windows are dropped."""
        self.nstep.forget()

    def learn(self) -> Learned:
        """One step on L(θ) = E[huber(Q(s, a; θ) − y)].   Mnih et al. 2015, Algorithm 1."""
        return self.learn_from(self.replay.sample())

    def learn_from(self, batch: Batch) -> Learned:
        """The same on a given batch."""
        ops = self.ops
        a = ops.indices(batch.a)
        bootstrap = self.bootstrap(self.net, self.target_net, ops.asarray(batch.s_next))
        y = ops.asarray(batch.r) + ops.asarray(batch.discount) * bootstrap

        q, backward = self.net.forward(batch.s)  # (B, A)
        delta = ops.gather(q, a) - y  # TD error (B,)
        dq = ops.scatter(a, self.loss.gradient(delta), self.actions)
        backward(dq)  # ∂L/∂q is non-zero only at the action taken

        norm = clip_norm(self.net, self.max_grad_norm)
        if not math.isfinite(norm):
            raise Diverged(self.net.first_nonfinite(), self.updates + 1)
        self.optimizer.step()
        self.updates += 1
        if self.updates % self.target_period == 0:
            self.target_net.copy_from(self.net, self.tau)  # θ⁻ ← θ⁻ + τ(θ − θ⁻)
        return Learned(q, a, delta, norm)

    # -- state --------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All that the next update depends on."""
        return {
            "net": self.ops.numpy(self.net.params).copy(),
            "target_net": self.ops.numpy(self.target_net.params).copy(),
            "optimizer": self.optimizer.state(),
            "nstep": self.nstep.state(),
            "replay": self.replay.state(),
            "exploration": self.exploration.state(),
            "updates": self.updates,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another agent's."""
        self.net.load(state["net"])
        self.target_net.load(state["target_net"])
        self.optimizer.load_state(state["optimizer"])
        self.nstep.load_state(state["nstep"])
        self.replay.load_state(state["replay"])
        self.exploration.load_state(state["exploration"])
        self.updates = state["updates"]
