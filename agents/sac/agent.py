"""Off-policy actor and critic: ∂Q/∂a, through the critic's pullback, leads the policy uphill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from agents.agent import Agent, require_same_meaning
from agents.memory.backend import on_backend
from agents.memory.nstep import WayIn
from agents.memory.units import AS_THEY_ARE, RewardUnits
from agents.normalisation import EVERY, Statistics
from agents.sac.critics import Fit
from agents.sac.exploration import Exploring, RandomStart
from agents.sac.policy import ContinuousPolicy
from agents.sac.targets import Targets, joined
from agents.sac.temperature import Temperature
from agents.value_bias import ValueBias
from drl.environment import Step
from drl.experiment.task import Metrics, Update
from drl.nn import Network
from drl.nn.batch_renorm import batch_statistics, follow
from drl.nn.finite import require_finite
from drl.nn.ops import Array
from drl.nn.optim import Optimizer, clip_norm
from drl.state import whole

# settings that say what the parameters of a network compute, and in which unit
MEANING = ("hidden", "activation", "conv", "scale", "normalise_obs", "reward_scale")


class Climb(NamedTuple):
    """What a step of the policy saw."""

    action: Array  # (B, k)
    log_prob: Array  # (B,)
    q: Array  # (B,)
    grad_norm: float
    alpha: float


class Seen(NamedTuple):
    """What one update saw."""

    a: Array  # (B, k) the actions taken
    y: Array  # (B, K) the targets
    fit: Fit
    grad_norm: float  # ‖∂L/∂θ‖ of the critic, before clipping
    climb: Climb | None  # None: the policy was not moved


class ActorCritic(Agent):
    """Q(s, a; θ) fitted to r + discount · (Q(s′, a′) − α log π(a′|s′)), and π(a|s; φ) moved to
    where Q − α log π is larger.

    Haarnoja et al. 2018 (SAC); with other parts Fujimoto et al. 2018 (TD3), Kuznetsov et al. 2020
    (TQC), Bhatt et al. 2024 (CrossQ).  Actions are within −1 … 1 here, whatever the environment's
    units.

    policy               what it acts by when it does not explore: its networks are moved here
    targets              what the critics are fitted to
    temperature          α
    optimizer, critic_optimizer
    nstep                on the way to the replay memory
    start                random actions of the first env steps
    exploration          the actions tried after that
    noise                generator of ε in an update
    updates_by           how many updates have been due after so many env steps
    update_metrics       what is to be logged of an update
    policy_delay         updates of the critic for one of the policy
    max_grad_norm        gradients are cut to this norm; None leaves them
    in_units             rewards are multiplied by its scale: Q and α are in units of 1/scale
    statistics           what is gathered of observations, and moves every EVERY updates
                         (agents.normalisation)
    """

    def __init__(
        self, policy: ContinuousPolicy, targets: Targets, temperature: Temperature,
        optimizer: Optimizer, critic_optimizer: Optimizer, nstep: WayIn, start: RandomStart,
        exploration: Exploring, noise: np.random.Generator,
        updates_by: Callable[[int], int],
        update_metrics: Callable[[ActorCritic, Seen], Metrics],
        policy_delay: int = 1, max_grad_norm: float | None = None,
        in_units: RewardUnits = AS_THEY_ARE, statistics: Sequence[Statistics] = (),
    ) -> None:  # fmt: skip
        self._policy, self.net, self.critic_net = policy, policy.net, policy.critic_net
        self.actor, self.critic, self.ops = policy.actor, policy.critic, policy.net.ops
        self.targets, self.temperature = targets, temperature
        self.optimizer, self.critic_optimizer = optimizer, critic_optimizer
        self.nstep, self.replay, self.start = nstep, nstep.replay, start
        self.exploration, self.noise, self.updates_by = exploration, noise, updates_by
        self.unit, self.update_metrics = policy.unit, update_metrics
        self.policy_delay, self.max_grad_norm = policy_delay, max_grad_norm
        self.in_units, self.reward_scale = in_units, in_units.scale
        self.statistics = statistics
        self.k = int(np.prod(self.replay.action.shape[1:]))
        self.updates = 0

    # -- acting -------------------------------------------------------------------------------
    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        """Actions to learn from: (N, *shape) → (N, *action shape), the environment's own."""
        shape = len(obs), *self.replay.action.shape[1:]
        drawn = self.start(env_steps)
        if drawn is None:
            drawn = self.exploration(self.net(obs), env_steps)
        self.chosen = drawn.reshape(shape)
        return self.unit.decode(self.chosen)

    def policy(self) -> ContinuousPolicy:
        """The most probable action of π(a|s; φ), of φ as it is whenever the policy is asked."""
        return self._policy

    @property
    def nbytes(self) -> int:
        """Of the replay memory."""
        return self.replay.nbytes

    def probe(self) -> ValueBias:
        """Q(s₀, π(s₀)) beside the return that the policy then realises."""
        return ValueBias(self.nstep.gamma)

    def about(self) -> list[str]:
        """The size of its memory."""
        lines = [line for part in self.statistics for line in part.about()]
        return [self.replay.words(), *lines]

    # -- learning -----------------------------------------------------------------------------
    def observe(self, obs: np.ndarray, action: np.ndarray, step: Step) -> None:
        """Remember N transitions, with the actions as they were chosen."""
        r = self.in_units(step.reward)
        for part in self.statistics:
            part.see(obs, r, step.terminated | step.truncated)
        self.nstep.add(
            obs, self.chosen, r, step.terminated, step.truncated, step.final_obs
        )  # fmt: skip

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        """Episodes under way are restarted: the open n-step windows of all are dropped."""
        self.nstep.interrupt_episodes()
        for part in self.statistics:
            part.interrupt_episodes(which)

    def due(self, env_steps: int) -> bool:
        """Whether there should have been more updates by now."""
        return self.updates < self.updates_by(env_steps)

    def learn(self) -> Update:
        """One step of the critics on a batch from the memory, and of the policy where it is due."""
        if self.updates % EVERY == 0:
            for part in self.statistics:
                part.move()
        batch = self.replay.sample()
        here = on_backend(batch, self.ops, numbered=False)
        z, y, backward = self.targets.regression(here, self.temperature.value, self._noise(here.s))
        fit = self.critic.fit(z, y, here.weight)
        backward(fit.dz)
        norm = self._step(self.critic_net, self.critic_optimizer)
        self.replay.update_priorities(batch, lambda: self.ops.numpy(fit.error))
        self.updates += 1
        climb = None
        if self.updates % self.policy_delay == 0:
            climb = self._climb(here.s)
            self.targets.follow()
        seen = Seen(here.a, y, fit, norm, climb)
        return Update(self.updates, partial(self.update_metrics, self, seen), seen)

    def _climb(self, s: Array) -> Climb:
        """One step on L(φ) = mean_b [α log π(a|s) − Q(s, a)],  a = f(s, ε; φ).

        ∂L/∂a comes out of the critic's pullback, and goes into the policy's.
        """
        ops, alpha, rows = self.ops, self.temperature.value, len(s)
        with batch_statistics(self.net):
            z, into_policy = self.net.forward(s)
        follow(self.net)
        path = self.actor.pathwise(z, self._noise(s))
        outputs, into_critic = self.critic_net.forward(joined(ops, s, path.action))
        q, into_outputs = self.critic.q(outputs)
        dq = ops.zeros(rows) - 1.0 / rows  # ∂L/∂Q = −1/B
        da = into_critic(into_outputs(dq), params=False)[:, -self.k :]  # ∂L/∂a alone
        into_policy(path.pullback(da, alpha / rows))  # with ∂L/∂log π = α/B
        norm = self._step(self.net, self.optimizer)
        self.temperature.step(path.log_prob)
        return Climb(path.action, path.log_prob, q, norm, alpha)

    def _noise(self, s: Array) -> Array:
        """ε ~ N(0, 1) in float32, for each row of s: (B, k)."""
        return self.ops.asarray(self.noise.standard_normal((len(s), self.k), np.float32))

    def _step(self, net: Network, optimizer: Optimizer) -> float:
        """A step by `net.grads`; the norm of the gradient before it is cut.   Diverged where that
        is NaN or Inf, or the parameters are."""
        norm = clip_norm(net, self.max_grad_norm)
        require_finite(norm, net, net.grads, "gradient", self.updates + 1)
        optimizer.step()
        require_finite(self.ops.norm(net.params), net, net.params, "parameters", self.updates + 1)
        return norm

    def init_from(self, policy: ContinuousPolicy) -> None:  # type: ignore[override]
        """φ, θ ← the policy's: a new training that begins where another has led.

        ValueError where its networks are others, or compute something else.
        """
        require_same_meaning(self._policy.config, policy.config, MEANING)
        self.net.restore(policy.net.saved())
        self.critic_net.restore(policy.critic_net.saved())
        self.targets.begin()

    # -- state --------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All that the next update depends on."""
        return {
            **self.net.saved(),
            **self.critic_net.saved("critic_net"),
            "targets": self.targets.state(),
            "temperature": self.temperature.state(),
            "optimizer": self.optimizer.state(),
            "critic_optimizer": self.critic_optimizer.state(),
            "nstep": self.nstep.state(),
            "replay": self.replay.state(),
            "start": self.start.state(),
            "exploration": self.exploration.state(),
            "noise": self.noise.bit_generator.state,
            "updates": self.updates,
            "statistics": {part.name: part.state() for part in self.statistics},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another agent's."""
        self.net.restore(state)
        self.critic_net.restore(state, "critic_net")
        self.targets.load_state(state["targets"])
        self.temperature.load_state(state["temperature"])
        self.optimizer.load_state(state["optimizer"])
        self.critic_optimizer.load_state(state["critic_optimizer"])
        self.nstep.load_state(state["nstep"])
        self.replay.load_state(state["replay"])
        self.start.load_state(state["start"])
        self.exploration.load_state(state["exploration"])
        self.noise.bit_generator.state = state["noise"]
        for part in self.statistics:
            part.load_state(state["statistics"][part.name])
        self.updates = whole(state, "updates")
        if self.updates != self.critic_optimizer.steps:
            raise ValueError(
                f"{self.updates:,} updates, but the critic's optimizer has made "
                f"{self.critic_optimizer.steps:,}"
            )
