"""PPO, and A2C with fewer parts: the policy that acts is the one that is learnt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from agents.agent import require_same_meaning
from agents.memory.returns import gae
from agents.memory.rollout import Rollout
from agents.normalisation import ReturnScale, Statistics, rewards_cut
from agents.policy import SavedPolicy
from agents.ppo.losses import PolicyFit, PolicyLoss, ValueFit, ValueLoss, normalised
from agents.ppo.passes import Pass
from agents.ppo.phase import Rows
from agents.ppo.policy import ActorCriticPolicy
from agents.rollouts import RolloutAgent
from agents.value_bias import ValueBias
from drl.environment import Step
from drl.experiment.task import Metrics, Update
from drl.nn.ops import Array
from drl.nn.optim import Optimizer
from drl.nn.schedules import Schedule

# settings that say what the parameters of a network compute, and in which unit
MEANING = (
    "hidden", "activation", "conv", "shared", "recurrent", "recurrent_units", "scale", "squash",
    "normalise_obs", "normalise_reward",
)  # fmt: skip


class Seen(NamedTuple):
    """What one gradient step saw."""

    policy: PolicyFit
    value: ValueFit
    entropy: Array  # (B,)
    epoch: int
    clip: float  # ε
    grad_norm: float  # ‖∂L/∂θ‖ before clipping


class Learnt(NamedTuple):
    """What has been made of a rollout so far."""

    rows: Rows
    seen: list[Seen]  # of every gradient step
    lr: float


class PPO(RolloutAgent):
    """L(θ) = L_π + c_V L_V − c_H H, over minibatches of a rollout, several epochs of it.

    Schulman et al. 2017, Algorithm 1.  Parts: one network of actor and critic, the policy that acts
    by it, an optimizer, the rollout, and the two losses (agents.ppo.losses).  With another loss and
    one epoch of one minibatch it is A2C.

    policy         the distribution over the network's outputs, and what it says of them
    passes         how observations go through the network: row by row, or with a state
    rollout        is filled, learnt from, and dropped
    actions        generator of the actions tried
    shuffle        generator of the minibatches' order
    lr, clip       by env steps that had been learnt from when the rollout began
    n_epochs       times that a rollout is gone through
    batch_size     rows of a minibatch; None: all
    target_kl      a rollout is done with once KL(π_old ‖ π) of a minibatch is above 1.5 times this
    max_grad_norm  ‖∂L/∂θ‖ is cut to this; None leaves it
    statistics     what is gathered of observations and returns: it moves when a rollout is full,
                   before anything is computed of it (agents.normalisation)
    returns        the one among them that rewards are divided by; None: they are not
    metrics_of     what is to be logged of a rollout
    """

    def __init__(
        self, policy: ActorCriticPolicy, passes: Pass, rollout: Rollout, optimizer: Optimizer,
        policy_loss: PolicyLoss, value_loss: ValueLoss,
        actions: np.random.Generator, shuffle: np.random.Generator,
        lr: Schedule, clip: Schedule, metrics_of: Callable[[PPO, Learnt], Metrics],
        gamma: float = 0.99, gae_lambda: float = 0.95, n_epochs: int = 1,
        batch_size: int | None = None, ent_coef: float = 0.0, vf_coef: float = 0.5,
        normalise_advantage: bool = True, max_grad_norm: float | None = 0.5,
        target_kl: float | None = None,
        statistics: Sequence[Statistics] = (), returns: ReturnScale | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            policy.net, rollout, optimizer, shuffle, lr, n_epochs, batch_size, max_grad_norm,
            statistics, returns,
        )  # fmt: skip
        self._policy, self.passes, self.distribution = policy, passes, policy.distribution
        self.policy_loss, self.value_loss = policy_loss, value_loss
        self.actions, self.clip, self.metrics_of = actions, clip, metrics_of
        self.gamma, self.gae_lambda = gamma, gae_lambda
        self.ent_coef, self.vf_coef = ent_coef, vf_coef
        self.normalise_advantage = normalise_advantage
        self.target_kl = math.inf if target_kl is None else target_kl
        self.sampled: np.ndarray | None = None  # (N, *action shape), of the last `act`
        self.mask: np.ndarray | None = None  # (N, A) of the observations last acted on

    # -- acting -------------------------------------------------------------------------------
    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        """a ~ π(·|s): (N, *shape) → (N, *action shape), the environment's own."""
        z = self.passes.act(obs)
        self.sampled, self.mask = self.distribution.sample(z, self.actions, mask), mask
        return self._policy.decode(self.sampled)

    def policy(self) -> ActorCriticPolicy:
        """The most probable action, of θ as it is whenever the policy is asked."""
        return self._policy

    def probe(self) -> ValueBias:
        """V(s₀) beside the return that the greedy policy then realises."""
        if self.returns is None:
            return ValueBias(self.gamma)
        std = self.returns.std
        return ValueBias(self.gamma, lambda rewards: rewards_cut(rewards / std) * std)

    # -- learning -----------------------------------------------------------------------------
    def observe(self, obs: np.ndarray, action: np.ndarray, step: Step) -> None:
        """Remember one step of each environment, and the samples that the actions were made of."""
        assert self.sampled is not None
        for part in self.statistics:
            part.see(obs, step.reward, step.terminated | step.truncated)
        self.rollout.add(obs, self.sampled, step, self.mask)
        self.passes.see(step)

    def interrupt_episodes(self, which: np.ndarray | None = None) -> None:
        """Episodes under way are restarted: all are cut at the newest step, since a step of all
        environments has not been remembered."""
        super().interrupt_episodes(which)
        self.passes.interrupt(self.rollout)

    def epochs(self) -> Iterator[Update]:
        """The gradient steps of a full rollout."""
        for part in self.statistics:
            part.move()
        rows, done = self.prepared(), self.rollouts * self.rows
        learnt, clip = Learnt(rows, [], self.lr(done)), self.clip(done)
        metrics = partial(self.metrics_of, self, learnt)
        sizes = self.rows, self.batch_size
        left = self.n_epochs * self.passes.count(*sizes)
        for epoch, chosen in self.passes.minibatches(*sizes, self.n_epochs, self.shuffle):
            batch = self.minibatch(rows, chosen)
            learnt.seen.append(self.learn_from(batch, learnt.lr, clip, epoch))
            left -= 1
            if left == 0 or self._too_far(learnt.seen[-1]):
                self.finish()
            yield Update(self.updates, metrics, learnt)

    def _too_far(self, seen: Seen) -> bool:
        """Whether the policy has moved away from the one that acted, by KL as before the step."""
        if self.target_kl == math.inf:
            return False
        return kl_estimate(self.ops.numpy(seen.policy.log_ratio)) > 1.5 * self.target_kl

    def prepared(self) -> Rows:
        """The rollout's rows: one pass through the network gives log π and V, and they A and R."""
        memory, steps, envs = self.rollout, self.rollout.steps, self.rollout.num_envs
        shape = memory.obs.shape[2:]
        s = memory.obs[:-1].reshape(-1, *shape)  # (B, *key shape)
        a = memory.action.reshape(-1, *memory.action.shape[2:])
        masks = memory.mask()
        mask = None if masks is None else masks.reshape(len(s), -1)

        log_prob, value = np.empty(len(s), self.dtype), np.empty((steps + 1) * envs, self.dtype)
        for own, y in self.passes.over(memory):
            allowed = None if mask is None else self.ops.booleans(mask[own])
            log_prob[own] = self.ops.numpy(self.distribution.log_prob(y[:, :-1], a[own], allowed))
            value[own] = self.ops.numpy(y[:, -1])
        value[len(s) :], cut_values = self.passes.after(memory)
        following = memory.next_values(value.reshape(-1, envs), cut_values)
        value, reward = value[: len(s)], memory.reward
        if self.returns is not None:
            reward = rewards_cut(reward / self.returns.std)  # r/σ(G)
        advantage = gae(
            reward, value.reshape(-1, envs), following, memory.terminated, memory.truncated,
            self.gamma, self.gae_lambda,
        ).reshape(-1)  # fmt: skip
        returns = (advantage + value).astype(self.dtype)
        return Rows(
            s, a, log_prob, value, advantage.astype(self.dtype), returns, mask,
            **self.passes.remembered(),
        )  # fmt: skip

    def learn_from(self, batch: Rows, lr: float, clip: float, epoch: int = 0) -> Seen:
        """One step on L(θ) of a minibatch: θ moves against ∂L/∂θ by the optimizer's rule."""
        policy, value, entropy = self.gradient(batch, clip)
        norm = self.descend(lr)
        return Seen(policy, value, entropy, epoch, clip, norm)

    def gradient(self, batch: Rows, clip: float) -> tuple[PolicyFit, ValueFit, Array]:
        """The network's `grads` ← ∂L/∂θ of a minibatch; and what L is made of, with H (B,)."""
        ops, count = self.ops, len(batch.a)
        advantage = ops.asarray(batch.advantage)
        if self.normalise_advantage:
            advantage = normalised(ops, advantage)
        mask = None if batch.mask is None else ops.booleans(batch.mask)

        y, backward = self.passes.forward(batch)  # (B, D + 1)
        z, v = y[:, :-1], y[:, -1]
        fit = self.distribution.fit(z, batch.a, mask)
        policy = self.policy_loss(ops, fit.log_prob, ops.asarray(batch.log_prob), advantage, clip)
        value = self.value_loss(ops, v, ops.asarray(batch.value), ops.asarray(batch.returns))
        dz = fit.pullback(policy.d_log_prob, -self.ent_coef / count)  # −c_H H: ∂L/∂H_b = −c_H/B
        dv = self.vf_coef * value.dv  # c_V ∂L_V/∂V
        backward(ops.concat([dz, dv[:, None]]))
        return policy, value, fit.entropy

    def init_from(self, policy: SavedPolicy) -> None:
        """θ ← the policy's, with the statistics that it was learnt by.

        ValueError where its network is another, or its outputs mean something else.
        """
        assert isinstance(policy, ActorCriticPolicy)
        require_same_meaning(self._policy.config, policy.config, MEANING)
        super().init_from(policy)
        if self.returns is not None and policy.returns is not None:
            self.returns.load_learnt(policy.returns.learnt())

    # -- state --------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All that the next update depends on; never asked for while a rollout is learnt from."""
        return super().state() | {
            "actions": self.actions.bit_generator.state, "passes": self.passes.state(),
        }  # fmt: skip

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another agent's."""
        super().load_state(state)
        self.actions.bit_generator.state = state["actions"]
        self.passes.load_state(state["passes"])


def kl_estimate(log_ratio: np.ndarray) -> float:
    """KL(π_old ‖ π) ≈ mean(r − 1 − log r) over the actions taken, never below 0.   Schulman 2020,
    "Approximating KL Divergence"."""
    x = log_ratio.astype(np.float64)
    return float((np.expm1(x) - x).mean())
