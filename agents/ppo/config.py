"""Settings of PPO and A2C, each with its unit, checked where they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drl.settings import require
from drl.typed import check_types


@dataclass(frozen=True)
class OnPolicyConfig:
    """What PPO and A2C have in common."""

    # -- rollout ------------------------------------------------------------------------------
    n_steps: int = 128
    """Steps of each environment that one rollout takes; it is learnt from when it is full."""
    gamma: float = 0.99
    """Discount of a reward, per agent step."""
    gae_lambda: float = 0.95
    """λ of the advantages: 1 takes whole returns, 0 a single reward and V(s′) (Schulman et al.
    2016)."""

    # -- network ------------------------------------------------------------------------------
    hidden: tuple[int, ...] = (64, 64)
    """Neurons of each hidden layer."""
    activation: str = "tanh"
    """relu, tanh or sigmoid."""
    conv: str | None = None
    """Convolutions in front, for image observations: digits, minatar or nature."""
    shared: bool = False
    """Policy and value on one trunk of layers, apart in the last alone; else two networks side by
    side."""
    recurrent: bool = False
    """Remember the episode: a GRU behind the hidden layers, whose state goes from step to step."""
    recurrent_units: int = 64
    """Units of the GRU, in each of the two networks."""
    sequence_length: int | None = None
    """Steps that a gradient of a recurrent network goes back; none: those of the rollout."""
    init: str | None = "orthogonal"
    """Initial weights of the hidden layers: he, xavier, orthogonal or uniform (±1/√fan_in)."""
    policy_gain: float = 0.01
    """Size of the policy's last weights at the start (orthogonal): a small one begins with all
    actions alike."""
    value_gain: float = 1.0
    """Size of the value's last weights at the start (orthogonal)."""
    log_std_init: float = 0.0
    """Continuous actions: log σ at the start, σ in units of half the action space."""
    squash: bool = False
    """Continuous actions: tanh keeps them within their bounds, with its part in log π; else what
    lies outside is clipped."""
    scale: tuple[float, ...] | None = None
    """Factors that bring the observations to comparable units: one for all, or one for each; none:
    bytes are divided by the largest that the environment's space allows, 255 in images."""

    normalise_obs: bool = False
    """Observations in units of their own running deviation, about their running mean: numbers of
    any size; policy and exports hold the statistics.  Not one-hots, nor pictures in bytes."""
    normalise_reward: bool = False
    """Divide rewards by the running deviation of the discounted return, and cut them to ±10: values
    stay within about ±1 whatever the rewards are."""

    # -- loss ---------------------------------------------------------------------------------
    normalise_advantage: bool = True
    """Bring the advantages of a minibatch to mean 0 and standard deviation 1."""
    ent_coef: float = 0.0
    """Weight of the policy's entropy in the loss: above 0 keeps it trying."""
    vf_coef: float = 0.5
    """Weight of the value's loss."""

    # -- optimisation -------------------------------------------------------------------------
    lr: float = 3e-4
    """The optimizer's learning rate at the start."""
    lr_end: float | None = None
    """The learning rate after anneal_steps; none: it stays."""
    anneal_steps: int | None = None
    """Env steps over which what has an end (as lr_end) goes there, linearly; none: all."""
    max_grad_norm: float | None = 0.5
    """Cut the gradient to this norm; none leaves it."""

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("n_steps", "lr"):
            require(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        for name in ("gamma", "gae_lambda"):
            require(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "between 0 and 1")
        for name in ("ent_coef", "vf_coef", "policy_gain", "value_gain"):
            require(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        require("lr_end", self.lr_end, self.lr_end is None or self.lr_end >= 0, "0 or more")
        require("recurrent_units", self.recurrent_units, self.recurrent_units > 0, "above 0")
        length = self.sequence_length
        fits = length is None or (length > 0 and self.n_steps % length == 0)
        require("sequence_length", length, fits, f"a divisor of `n_steps`, {self.n_steps:,}")
        for name in ("anneal_steps", "max_grad_norm"):
            value = getattr(self, name)
            require(name, value, value is None or value > 0, "above 0")
        require("hidden", self.hidden, all(h > 0 for h in self.hidden), "sizes above 0")
        require("log_std_init", self.log_std_init, abs(self.log_std_init) <= 20, "within ±20")


@dataclass(frozen=True)
class PPOConfig(OnPolicyConfig):
    """Everything that decides what PPO learns, apart from the environment and the seed."""

    # -- PPO ----------------------------------------------------------------------------------
    n_epochs: int = 10
    """Times that each rollout is gone through."""
    batch_size: int = 64
    """Rows of a minibatch: steps of one environment.  A rollout has n_steps × num_envs of them."""
    clip_range: float = 0.2
    """ε: π(a|s) is let go once it is 1 ± ε times what it was (Schulman et al. 2017)."""
    clip_range_end: float | None = None
    """ε after anneal_steps; none: it stays."""
    clip_range_vf: float | None = None
    """V(s) is let go once it has moved by this, in units of the rewards; none: never."""
    target_kl: float | None = None
    """A rollout is done with once KL(π_old ‖ π) of a minibatch is above 1.5 times this; none: after
    its epochs."""
    adam_eps: float = 1e-5
    """Adam's ε."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("n_epochs", "batch_size", "clip_range", "adam_eps"):
            require(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        end = self.clip_range_end
        require("clip_range_end", end, end is None or end >= 0, "0 or more")
        for name in ("clip_range_vf", "target_kl"):
            value = getattr(self, name)
            require(name, value, value is None or value > 0, "above 0")


@dataclass(frozen=True)
class A2CConfig(OnPolicyConfig):
    """Everything that decides what A2C learns, apart from the environment and the seed."""

    n_steps: int = 5
    gae_lambda: float = 1.0
    normalise_advantage: bool = False
    lr: float = 7e-4

    # -- A2C ----------------------------------------------------------------------------------
    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """Mnih et al. 2016 took rmsprop."""
    rms_rho: float = 0.99
    """rmsprop: share of the past in the mean of squared gradients."""
    optimizer_eps: float = 1e-5
    """The optimizer's ε."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require("optimizer_eps", self.optimizer_eps, self.optimizer_eps > 0, "above 0")
        require("rms_rho", self.rms_rho, 0 <= self.rms_rho < 1, "at least 0 and below 1")
