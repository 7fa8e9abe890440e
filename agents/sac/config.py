"""Settings of the off-policy agents of continuous actions, each with its unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agents.memory.hindsight import Strategy
from drl.errors import UserError
from drl.settings import require
from drl.typed import check_types


@dataclass(frozen=True)
class ActorCriticConfig:
    """What all of them have."""

    # -- budget -------------------------------------------------------------------------------
    updates_per_step: float = 1.0
    """Gradient steps of the critics per env step."""
    learning_starts: int = 100
    """Env steps before the first gradient step; until then actions are random."""
    hold: int = 1
    """Agent steps for which each of these random actions is held."""

    # -- networks -----------------------------------------------------------------------------
    hidden: tuple[int, ...] = (256, 256)
    """Neurons of each hidden layer, of the policy and of each critic."""
    activation: str = "relu"
    """relu, tanh or sigmoid."""
    conv: str | None = None
    """Convolutions in front, for image observations: digits, minatar or nature."""
    init: str | None = "uniform"
    """Initial weights: he, xavier, orthogonal or uniform (±1/√fan_in)."""
    scale: tuple[float, ...] | None = None
    """Factors that bring the observations to comparable units: one for all, or one for each; none:
    bytes are divided by the largest that the environment's space allows."""

    normalise_obs: bool = False
    """Observations in units of their own running deviation, about their running mean: numbers of
    any size; policy and exports hold the statistics.  Not one-hots, nor pictures in bytes."""

    # -- what is learnt of the return ---------------------------------------------------------
    gamma: float = 0.99
    """Discount of a reward, per agent step."""
    n_step: int = 1
    """Rewards summed before the bootstrap, in agent steps."""
    reward_scale: float = 1.0
    """Factor on the rewards inside the agent."""
    policy_delay: int = 1
    """Gradient steps of the critics for one of the policy."""

    # -- optimisation -------------------------------------------------------------------------
    lr: float = 3e-4
    """Adam's learning rate at the start."""
    lr_end: float | None = None
    """Adam's learning rate at the end of the run, to which it falls linearly; none: it stays."""
    lr_steps: int | None = None
    """Updates over which it falls; none: all of the run."""
    adam_eps: float = 1e-8
    """Adam's ε."""
    batch_size: int = 256
    """Transitions in one gradient step."""
    max_grad_norm: float | None = None
    """Cut gradients to this norm; none leaves them."""
    buffer_size: int = 1_000_000
    """Transitions that the replay memory holds."""
    prioritized: bool = False
    """Replay what surprised most more often (Schaul et al. 2016)."""
    priority_alpha: float = 0.5
    """prioritized: 0 is uniform, 1 is by the error itself."""
    priority_beta: float = 0.4
    """prioritized: how far the bias that it brings is mended at the start."""
    priority_beta_steps: int | None = None
    """prioritized: updates after which it is mended fully; none: all of the run."""
    her: bool = False
    """Learn from what was achieved as if it had been desired, in environments with goals
    (Andrychowicz et al. 2017)."""
    her_k: int = 4
    """her: transitions of a batch that desire another goal, for each that keeps its own."""
    her_strategy: Strategy = "future"
    """her: which goal.  future: one that the episode achieves later, any of them.  final: the
    last."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = (
            "updates_per_step", "hold", "n_step", "reward_scale", "policy_delay", "lr", "adam_eps",
            "batch_size", "buffer_size", "her_k",
        )  # fmt: skip
        for name in positive:
            require(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        for name in ("gamma", "priority_alpha", "priority_beta"):
            require(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "between 0 and 1")
        require("hidden", self.hidden, all(h > 0 for h in self.hidden), "sizes above 0")
        require("learning_starts", self.learning_starts, self.learning_starts >= 0, "0 or more")
        for name in ("max_grad_norm", "lr_end", "lr_steps", "priority_beta_steps"):
            value = getattr(self, name)
            require(name, value, value is None or value > 0, "above 0")
        if self.buffer_size < self.batch_size:
            raise UserError(
                f"`buffer_size={self.buffer_size}` is less than one batch of {self.batch_size}: "
                f"give at least `buffer_size={self.batch_size}`"
            )


@dataclass(frozen=True)
class TargetConfig(ActorCriticConfig):
    """Of those with a target network besides: SAC, TQC, TD3."""

    # -- what is learnt of the return ---------------------------------------------------------
    tau: float = 0.005
    """How far the target network moves towards the online network: 1 copies, less averages."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("tau", self.tau, 0 < self.tau <= 1, "above 0 and at most 1")


@dataclass(frozen=True)
class EntropyConfig(ActorCriticConfig):
    """Of those that reward entropy besides: SAC, TQC, CrossQ."""

    ent_coef: float | None = None
    """What a nat of entropy is worth, α, in scaled rewards; none: it is learnt."""
    ent_coef_start: float = 1.0
    """α at the start, where it is learnt."""
    target_entropy: float | None = None
    """Entropy of the policy that it is learnt by, in nats; none: minus the numbers of an action."""

    def __post_init__(self) -> None:
        super().__post_init__()
        fixed, target = self.ent_coef, self.target_entropy
        require("ent_coef", fixed, fixed is None or 0 <= fixed < math.inf, "0 or more")
        require("ent_coef_start", self.ent_coef_start, self.ent_coef_start > 0, "above 0")
        require("target_entropy", target, target is None or math.isfinite(target), "a number")


@dataclass(frozen=True)
class SACConfig(EntropyConfig, TargetConfig):
    """Of SAC."""


@dataclass(frozen=True)
class TQCConfig(SACConfig):
    """Of TQC besides."""

    critics: int = 5
    """Critics side by side."""
    quantiles: int = 25
    """Quantiles of the return that each of them learns."""
    drop: int = 2
    """How many of the largest are left out of the target, for each critic."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("critics", "quantiles"):
            require(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        below = f"0 or more, below `quantiles` ({self.quantiles})"
        require("drop", self.drop, 0 <= self.drop < self.quantiles, below)


@dataclass(frozen=True)
class TD3Config(TargetConfig):
    """Of TD3 besides."""

    policy_delay: int = 2
    """Gradient steps of the critics for one of the policy and of the target networks."""
    action_noise: float = 0.1
    """Standard deviation of the noise on actions to learn from, of an action's half width."""
    target_noise: float = 0.2
    """The same on the next action in the target."""
    target_noise_clip: float = 0.5
    """That noise is cut to ± this."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("action_noise", "target_noise", "target_noise_clip"):
            require(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")


@dataclass(frozen=True)
class CrossQConfig(EntropyConfig):
    """Of CrossQ besides; there is no target network."""

    policy_delay: int = 3
    """Gradient steps of the critics for one of the policy."""
    lr: float = 1e-3
    """Adam's learning rate at the start."""
    beta1: float = 0.5
    """Adam's β₁: how long gradients are remembered."""
    renorm_momentum: float = 0.99
    """How long the running statistics of batch renormalisation remember."""
    renorm_warm_up: int = 100_000
    """Gradient steps in which it is plain batch normalisation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("beta1", "renorm_momentum"):
            require(name, getattr(self, name), 0 <= getattr(self, name) < 1, "0 or more, below 1")
        require("renorm_warm_up", self.renorm_warm_up, self.renorm_warm_up >= 0, "0 or more")
