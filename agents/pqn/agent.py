"""PQN: Q-learning without replay and without a target network, from rollouts of many envs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from agents.agent import require_same_meaning
from agents.dqn.heads import best_action
from agents.exploration import Exploration
from agents.memory.minibatches import BLOCK, minibatches
from agents.memory.returns import q_lambda
from agents.memory.rollout import Rollout
from agents.normalisation import ReturnScale, Statistics, rewards_cut
from agents.policy import SavedPolicy
from agents.pqn.loss import QFit, squared_td_error
from agents.pqn.policy import PQNPolicy
from agents.rollouts import RolloutAgent
from agents.value_bias import ValueBias
from drl.environment import Step
from drl.experiment.task import Metrics, Update
from drl.nn.ops import Array
from drl.nn.optim import Optimizer
from drl.nn.schedules import Schedule

# settings that say what the parameters of a network compute, and in which unit
MEANING = (
    "hidden", "activation", "conv", "layer_norm", "scale", "reward_scale", "discretise",
    "normalise_obs", "normalise_reward",
)  # fmt: skip


class Rows(NamedTuple):
    """What a rollout is learnt from, or a minibatch of it: B rows."""

    s: np.ndarray  # (B, *shape), in a minibatch; of a whole rollout as its storage keeps them
    a: np.ndarray  # (B,) actions by number
    returns: np.ndarray  # (B,) R, the λ-returns, in the network's units
    mask: np.ndarray | None = None  # (B, A) bool, the actions that s allows; None: all


class Seen(NamedTuple):
    """What one gradient step saw."""

    fit: QFit
    q: Array  # (B, A) Q(s, ·; θ)
    mask: np.ndarray | None  # (B, A) bool, the actions that s allows; None: all
    grad_norm: float  # ‖∂L/∂θ‖ before clipping


class Learnt(NamedTuple):
    """What has been made of a rollout so far."""

    rows: Rows
    seen: list[Seen]  # of every gradient step
    lr: float


class PQN(RolloutAgent):
    """Q(s, a; θ) fitted to R_t = r + γ (1 − terminated) [λ R_{t+1} + (1 − λ) max_a Q(s′, a; θ)].

    Gallici et al. 2024, "Simplifying Deep Temporal Difference Learning", Algorithm 1 and eq. 10.
    The returns of a rollout are computed once, by θ as it then is; LayerNorm, in the network, keeps
    Q from running away where others have a target network.

    policy        what it acts by when it does not explore: of the same network
    exploration   ε-greedy by env steps
    gamma, lam    γ, λ
    metrics_of    what is to be logged of a rollout
    The rest is RolloutAgent's.
    """

    def __init__(
        self, policy: PQNPolicy, rollout: Rollout, optimizer: Optimizer, exploration: Exploration,
        shuffle: np.random.Generator, lr: Schedule, metrics_of: Callable[[PQN, Learnt], Metrics],
        gamma: float = 0.99, lam: float = 0.65, n_epochs: int = 1, batch_size: int | None = None,
        max_grad_norm: float | None = 10.0,
        statistics: Sequence[Statistics] = (), returns: ReturnScale | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            policy.net, rollout, optimizer, shuffle, lr, n_epochs, batch_size, max_grad_norm,
            statistics, returns,
        )  # fmt: skip
        self._policy, self.actions, self.exploration = policy, policy.actions, exploration
        self.gamma, self.lam, self.metrics_of = gamma, lam, metrics_of
        self.reward_scale = policy.config.reward_scale
        self.mask: np.ndarray | None = None  # (N, A) of the observations last acted on

    # -- acting -------------------------------------------------------------------------------
    def act(self, obs: np.ndarray, env_steps: int, mask: np.ndarray | None = None) -> np.ndarray:
        """Actions to learn from: (N, *shape) → (N, *action shape), the environment's own."""
        self.mask = self._numbered(mask)
        greedy = self._policy.best(obs, self.mask)
        return self.actions.decode(self.exploration(greedy, env_steps, self.mask))

    def _numbered(self, mask: np.ndarray | None) -> np.ndarray | None:
        """The environment's mask as one of numbers, (N, A)."""
        return None if mask is None else self.actions.mask(mask)

    def policy(self) -> PQNPolicy:
        """argmax_a Q(s, a; θ), of θ as it is whenever the policy is asked."""
        return self._policy

    def metrics(self, env_steps: int) -> Mapping[str, float]:
        """ε."""
        return {"rollout/exploration_rate": self.exploration.epsilon(env_steps)}

    def probe(self) -> ValueBias:
        """max_a Q(s₀, a) beside the return that the greedy policy then realises."""
        if self.returns is None:
            return ValueBias(self.gamma)
        unit = self._policy.unit
        return ValueBias(self.gamma, lambda rewards: rewards_cut(rewards * unit) / unit)

    # -- learning -----------------------------------------------------------------------------
    def observe(self, obs: np.ndarray, action: np.ndarray, step: Step) -> None:
        """Remember one step of each environment; network and memory have actions by number."""
        for part in self.statistics:
            part.see(obs, step.reward * self.reward_scale, step.terminated | step.truncated)
        self.rollout.add(
            obs, self.actions.encode(action), step, self.mask,
            self._numbered(step.mask), self._numbered(step.final_mask),
        )  # fmt: skip

    def epochs(self) -> Iterator[Update]:
        for part in self.statistics:
            part.move()
        learnt = Learnt(self.prepared(), [], self.lr(self.rollouts * self.rows))
        metrics = partial(self.metrics_of, self, learnt)
        left = self.n_epochs * -(-self.rows // self.batch_size)
        for _, chosen in minibatches(self.rows, self.batch_size, self.n_epochs, self.shuffle):
            batch = self.minibatch(learnt.rows, chosen)
            learnt.seen.append(self.learn_from(batch, learnt.lr))
            left -= 1
            if left == 0:
                self.finish()
            yield Update(self.updates, metrics, learnt)

    def prepared(self) -> Rows:
        """The rollout's rows, with the λ-returns by θ as it is."""
        memory = self.rollout
        shape, (steps, envs) = memory.obs.shape[2:], memory.reward.shape
        masks, cut_masks = memory.next_masks() or (None, None)
        if masks is not None:
            masks = masks.reshape(-1, masks.shape[2])  # ((T + 1) N, A)
        s = memory.obs.reshape(-1, *shape)  # ((T + 1) N, *key shape)
        following = memory.next_values(
            self.largest(s, masks).reshape(-1, envs), self.largest(memory.cut_obs, cut_masks)
        )
        reward = memory.reward * self._policy.unit
        if self.returns is not None:
            reward = rewards_cut(reward)
        returns = q_lambda(
            reward, following, memory.terminated, memory.truncated, self.gamma, self.lam
        )
        count = steps * envs
        return Rows(
            s[:count], memory.action.reshape(-1), returns.reshape(-1).astype(self.dtype),
            None if masks is None else masks[:count],
        )  # fmt: skip

    def largest(self, s: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """max_a Q(s, a; θ) over the allowed actions, in the network's units, of observations as the
        rollout keeps them: (M, *key shape) → (M,)."""
        ops, found = self.ops, np.empty(len(s), self.dtype)
        for start in range(0, len(s), BLOCK):
            own = slice(start, start + BLOCK)
            q = self.net(self.rollout.storage.decode(s[own]))  # (rows, A)
            allowed = None if mask is None else ops.booleans(mask[own])
            found[own] = ops.numpy(ops.gather(q, best_action(ops, q, allowed)))
        return found

    def learn_from(self, batch: Rows, lr: float) -> Seen:
        """One step on L(θ) of a minibatch: θ moves against ∂L/∂θ by the optimizer's rule."""
        fit, q = self.gradient(batch)
        return Seen(fit, q, batch.mask, self.descend(lr))

    def gradient(self, batch: Rows) -> tuple[QFit, Array]:
        """The network's `grads` ← ∂L/∂θ of a minibatch; and what L is made of, with Q(s, ·)."""
        q, backward = self.net.forward(batch.s)  # (B, A)
        a, returns = self.ops.indices(batch.a), self.ops.asarray(batch.returns)
        fit = squared_td_error(self.ops, q, a, returns)
        backward(fit.dq)
        return fit, q

    def init_from(self, policy: SavedPolicy) -> None:
        """θ ← the policy's, with the statistics that it was learnt by.

        ValueError where its network is another, or its outputs mean something else.
        """
        assert isinstance(policy, PQNPolicy)
        require_same_meaning(self._policy.config, policy.config, MEANING)
        super().init_from(policy)
        if self.returns is not None and policy.returns is not None:
            self.returns.load_learnt(policy.returns.learnt())

    # -- state --------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        return super().state() | {"exploration": self.exploration.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.exploration.load_state(state["exploration"])
