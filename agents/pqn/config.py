"""Settings of PQN, each with its unit, checked where they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drl.settings import require
from drl.typed import check_types

ADDED = {"optimizer": "adam"}  # settings that older files lack, and what was done then


@dataclass(frozen=True)
class PQNConfig:
    """Everything that decides what PQN learns, apart from the environment and the seed."""

    # -- actions ------------------------------------------------------------------------------
    discretise: int | None = None
    """Of continuous actions: values for each number, evenly from its least to its greatest; every
    combination of them is an action to choose."""

    # -- rollout ------------------------------------------------------------------------------
    n_steps: int = 32
    """Steps of each environment that one rollout takes; it is learnt from when it is full."""
    n_epochs: int = 4
    """Times that each rollout is gone through."""
    batch_size: int = 128
    """Rows of a minibatch: steps of one environment.  A rollout has n_steps × num_envs of them."""

    # -- what is learnt of the return -----------------------------------------------------------
    gamma: float = 0.99
    """Discount of a reward, per agent step."""
    q_lambda: float = 0.65
    """λ of the returns that Q is fitted to: 1 takes whole ones, as far as the rollout goes, 0 a
    single reward and max_a Q(s′, a)."""
    reward_scale: float = 1.0
    """Factor on the rewards inside the agent."""
    normalise_reward: bool = False
    """Divide rewards by the running deviation of the discounted return, and cut them to ±10: values
    stay within about ±1 whatever the rewards are."""

    # -- network ------------------------------------------------------------------------------
    hidden: tuple[int, ...] = (128, 128)
    """Neurons of each hidden layer."""
    activation: str = "relu"
    """relu, tanh or sigmoid."""
    conv: str | None = None
    """Convolutions in front, for image observations: digits, minatar or nature."""
    layer_norm: bool = True
    """LayerNorm between a layer's products and its activation: without a target network it is what
    keeps Q from running away (Gallici et al. 2024, section 3)."""
    init: str | None = "he"
    """Initial weights of the hidden layers: he, xavier, orthogonal or uniform (±1/√fan_in)."""
    scale: tuple[float, ...] | None = None
    """Factors that bring the observations to comparable units: one for all, or one for each; none:
    bytes are divided by the largest that the environment's space allows, 255 in images."""
    normalise_obs: bool = False
    """Observations in units of their own running deviation, about their running mean: numbers of
    any size; policy and exports hold the statistics.  Not one-hots, nor pictures in bytes."""

    # -- optimisation -------------------------------------------------------------------------
    lr: float = 5e-4
    """The optimizer's learning rate at the start."""
    lr_end: float | None = 0.0
    """The learning rate after anneal_steps; none: it stays."""
    anneal_steps: int | None = None
    """Env steps over which the learning rate goes to lr_end, linearly; none: all."""
    optimizer: Literal["adam", "radam"] = "adam"
    """Gallici et al. 2024 took radam, which begins with short steps (Liu et al. 2020)."""
    adam_eps: float = 1e-8
    """The optimizer's ε."""
    max_grad_norm: float | None = 10.0
    """Cut the gradient to this norm; none leaves it."""

    # -- exploration --------------------------------------------------------------------------
    epsilon_start: float = 1.0
    """Share of random actions at the first env step."""
    epsilon_end: float = 0.05
    """Share of random actions after epsilon_steps."""
    epsilon_steps: int | None = None
    """Env steps over which ε falls, linearly; none: epsilon_fraction."""
    epsilon_fraction: float = 0.1
    """The same as a share of steps."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = ("n_steps", "n_epochs", "batch_size", "lr", "adam_eps", "reward_scale")
        for name in positive:
            require(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        fractions = ("gamma", "q_lambda", "epsilon_start", "epsilon_end", "epsilon_fraction")
        for name in fractions:
            require(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "between 0 and 1")
        require("lr_end", self.lr_end, self.lr_end is None or self.lr_end >= 0, "0 or more")
        for name in ("anneal_steps", "max_grad_norm", "epsilon_steps"):
            value = getattr(self, name)
            require(name, value, value is None or value > 0, "above 0")
        require("hidden", self.hidden, all(h > 0 for h in self.hidden), "sizes above 0")
        values = self.discretise
        require("discretise", values, values is None or values > 1, "2 or more")
