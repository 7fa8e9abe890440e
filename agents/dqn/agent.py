"""Deep Q-learning: the network of the digits, with another gradient at its output."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from agents.agent import require_same_meaning
from agents.dqn.heads import Head, best
from agents.dqn.policy import DQNPolicy
from agents.dqn.targets import Bounded, TargetFunction
from agents.exploration import Exploration
from agents.memory.backend import on_backend
from agents.memory.nstep import WayIn
from agents.memory.replay import Batch
from agents.memory.units import AS_THEY_ARE, RewardUnits
from agents.normalisation import EVERY, ReturnScale, Statistics
from agents.value_bias import ValueBias
from drl.environment import Step
from drl.errors import Diverged
from drl.experiment.task import Metrics, Update
from drl.nn import Network
from drl.nn.finite import require_finite
from drl.nn.ops import Array
from drl.nn.optim import Optimizer, clip_norm
from drl.state import whole

# settings that say what the parameters of a network compute, and in which unit
MEANING = (
    "hidden", "activation", "conv", "scale", "dueling", "noisy", "head", "atoms", "v_min", "v_max",
    "quantiles", "reward_scale", "discretise", "normalise_obs", "normalise_reward",
)  # fmt: skip


class Seen(NamedTuple):
    """What one update saw."""

    q: Callable[[], Array]  # (B, A) Q(s, ·; θ)
    a: Array  # (B,) the actions taken
    error: Array  # (B,) how wrong, in the head's measure: the replay's priorities
    td_error: Callable[[], Array]  # (B,) δ = Q(s, a; θ) − E[target]
    loss: Callable[[], float]
    grad_norm: float  # ‖∂L/∂θ‖ before clipping
    mask: Array | None = None  # (B, A) bool, the actions that s allows; None: all


class DQN:
    """Z(s, a; θ) fitted to r + γᵏ(1 − terminated) · Z(s′).   Mnih et al. 2015.

    Parts: the online and the target network, the head that knows what their outputs mean, an
    optimizer of the online one, n-step returns on their way to a replay memory, exploration, and
    the bootstrap (agents.dqn.targets).  Swap a part and it is another agent.

    noise                generator of noisy layers' noise; networks without such layers draw none
    target_period, tau   θ⁻ ← θ⁻ + τ(θ − θ⁻) every `target_period` updates: τ = 1 copies (Mnih et
                         al. 2015), a small τ at every update averages (Lillicrap et al. 2016).
    max_grad_norm        ‖∂L/∂θ‖ is cut to this; None leaves it.
    in_units             rewards are multiplied by its scale, so Q is in units of 1/scale, and cut.
                         With |Q| far above 1, Huber's clipping gives a failure that is wrong by 80
                         no more weight than one that is wrong by 1 (docs/policies-that-stay.md).
    statistics           what is gathered of observations and returns, and moves every EVERY updates
                         (agents.normalisation)
    returns              the one among them that rewards are divided by; None: they are not
    bounds               of Z(s′) in the target, by the deviation of the returns: follows it
    updates_by           how many updates have been due after so many env steps
    policy               what it acts by when it does not explore: of the same network and head
    update_metrics       what is to be logged of an update
    """

    def __init__(
        self, net: Network, target_net: Network, head: Head, optimizer: Optimizer, nstep: WayIn,
        exploration: Exploration, noise: np.random.Generator, bootstrap: TargetFunction,
        updates_by: Callable[[int], int], policy: DQNPolicy,
        update_metrics: Callable[[DQN, Seen], Metrics],
        target_period: int = 1, tau: float = 0.005, max_grad_norm: float | None = None,
        in_units: RewardUnits = AS_THEY_ARE,
        statistics: Sequence[Statistics] = (), returns: ReturnScale | None = None,
        bounds: Callable[[float], tuple[float, float] | None] = lambda std: None,
    ) -> None:  # fmt: skip
        self.net, self.target_net, self.head, self.ops = net, target_net, head, net.ops
        self.optimizer, self.nstep, self.replay = optimizer, nstep, nstep.replay
        self.exploration, self.noise, self.bootstrap = exploration, noise, bootstrap
        self.target_period, self.tau, self.max_grad_norm = target_period, tau, max_grad_norm
        self.in_units, self.reward_scale = in_units, in_units.scale
        self.statistics, self.returns, self.bounds = statistics, returns, bounds
        self.updates_by, self.actions = updates_by, policy.actions
        self._policy, self.update_metrics = policy, update_metrics
        self.updates = 0
        self.mask: np.ndarray | None = None  # (N, A) of the observations last acted on
        target_net.copy_from(net)

    # -- acting -------------------------------------------------------------------------------
    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        """Actions to learn from: (N, *shape) → (N, *action shape), the environment's own."""
        self.net.resample(self.noise)
        if mask is not None:
            mask = self.actions.mask(mask)
        self.mask, greedy = mask, best(self.head, self.net, obs, mask)
        return self.actions.decode(self.exploration(greedy, env_steps, mask))

    def policy(self) -> DQNPolicy:
        """argmax_a Q(s, a; θ), of θ as it is whenever the policy is asked."""
        return self._policy

    def metrics(self, env_steps: int) -> Mapping[str, float]:
        """ε."""
        return {"rollout/exploration_rate": self.exploration.epsilon(env_steps)}

    @property
    def unit(self) -> float:
        """A reward of 1 in the network's units, as of now: reward_scale/σ of the returns."""
        return self.reward_scale if self.returns is None else self.reward_scale / self.returns.std

    @property
    def nbytes(self) -> int:
        """Of the replay memory."""
        return self.replay.nbytes

    def probe(self) -> ValueBias:
        """max_a Q(s₀, a) beside the return that the policy then realises."""
        scale = self.reward_scale
        return ValueBias(self.nstep.gamma, lambda rewards: self.in_units(rewards) / scale)

    def about(self) -> list[str]:
        """The size of its memory, and the bounds of its targets."""
        lines = [self.replay.words()]
        if isinstance(bound := self.bootstrap, Bounded):
            low, high = bound.low / self.unit, bound.high / self.unit
            lines.append(f"bootstrap: kept within {low:g} … {high:g} (`value_bound`)")
        return [*lines, *(line for part in self.statistics for line in part.about())]

    # -- learning -----------------------------------------------------------------------------
    def observe(self, obs: np.ndarray, action: np.ndarray, step: Step) -> None:
        """Remember N transitions, with the true next observations; network and memory have actions
        by number."""
        r = self.in_units(step.reward)
        for part in self.statistics:
            part.see(obs, r, step.terminated | step.truncated)
        a, allowed = self.actions.encode(action), step.final_mask
        if allowed is not None:
            allowed = self.actions.mask(allowed)
        self.nstep.add(
            obs, a, r, step.terminated, step.truncated, step.final_obs, self.mask, allowed
        )  # fmt: skip

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        """Episodes under way are restarted: the open n-step windows of all are dropped."""
        self.nstep.interrupt_episodes()
        for part in self.statistics:
            part.interrupt_episodes(which)

    def due(self, env_steps: int) -> bool:
        """Whether there should have been more updates by now."""
        return self.updates < self.updates_by(env_steps)

    def whole_steps(self, steps: int) -> int:
        """So many: it learns from single steps."""
        return steps

    def learn(self) -> Update:
        """One step on a batch from the memory."""
        if self.updates % EVERY == 0:
            self._move()
        batch = self.replay.sample()
        seen = self.learn_from(batch)
        self.replay.update_priorities(batch, lambda: self.ops.numpy(seen.error))
        return Update(self.updates, partial(self.update_metrics, self, seen), seen)

    def _move(self) -> None:
        """What was seen until now counts from now on."""
        for part in self.statistics:
            part.move()
        self._bound()

    def _bound(self) -> None:
        """The bound of Z(s′), in the network's units."""
        if self.returns is not None and isinstance(self.bootstrap, Bounded):
            ends = self.bounds(self.returns.std)
            if ends is not None:
                self.bootstrap.low, self.bootstrap.high = ends

    def learn_from(self, batch: Batch) -> Seen:
        """One step on L(θ) = E[w · loss(Z(s, a; θ), r + discount · Z(s′))].   Mnih et al. 2015,
        Algorithm 1, where Z = Q and the loss is Huber's.
        """
        net, target_net, batch = self.net, self.target_net, on_backend(batch, self.ops)
        net.resample(self.noise)
        target_net.resample(self.noise)
        if self.returns is not None:
            batch = batch._replace(r=self.returns.scaled(self.ops, batch.r))  # r/σ(G)
        target = self.bootstrap(self.head, net, target_net, batch)

        z, backward = self.head.forward(net, batch.s)
        fit = self.head.fit(z, batch.a, target, batch.weight)
        backward(fit.dz)  # ∂L/∂z is non-zero only at the action taken

        norm = clip_norm(net, self.max_grad_norm)
        require_finite(norm, net, net.grads, "gradient", self.updates + 1)
        if not math.isfinite(self.ops.norm(fit.error)):  # clipped, its gradient is finite
            raise Diverged("the loss", self.updates + 1)
        self.optimizer.step()
        self.updates += 1
        require_finite(self.ops.norm(net.params), net, net.params, "parameters", self.updates)
        if self.updates % self.target_period == 0:
            target_net.copy_from(net, self.tau)  # θ⁻ ← θ⁻ + τ(θ − θ⁻)
        return Seen(fit.q, batch.a, fit.error, fit.td_error, fit.loss, norm, batch.mask)

    def init_from(self, policy: DQNPolicy) -> None:
        """θ ← the policy's, θ⁻ ← θ: a new training that begins where another has led.

        ValueError where its network is another, or its outputs mean something else.
        """
        require_same_meaning(self._policy.config, policy.config, MEANING)
        self.net.restore(policy.net.saved())
        self.target_net.copy_from(self.net)
        if self.returns is not None and policy.returns is not None:
            self.returns.load_learnt(policy.returns.learnt())

    # -- state --------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All that the next update depends on."""
        return {
            **self.net.saved(),
            **self.target_net.saved("target_net"),
            "optimizer": self.optimizer.state(),
            "nstep": self.nstep.state(),
            "replay": self.replay.state(),
            "exploration": self.exploration.state(),
            "noise": self.noise.bit_generator.state,
            "head": self.head.state(),
            "updates": self.updates,
            "statistics": {part.name: part.state() for part in self.statistics},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another agent's."""
        self.net.restore(state)
        self.target_net.restore(state, "target_net")
        self.optimizer.load_state(state["optimizer"])
        self.nstep.load_state(state["nstep"])
        self.replay.load_state(state["replay"])
        self.exploration.load_state(state["exploration"])
        self.noise.bit_generator.state = state["noise"]
        self.head.load_state(state["head"])
        for part in self.statistics:
            part.load_state(state["statistics"][part.name])
        self._bound()
        self.updates = whole(state, "updates")
        if self.updates != self.optimizer.steps:
            raise ValueError(
                f"{self.updates:,} updates, but the optimizer has made {self.optimizer.steps:,}"
            )
