"""Settings of a DQN, each with its unit, checked where they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from agents.memory.hindsight import Strategy
from agents.memory.ratio import updates_by
from drl.errors import UserError
from drl.settings import read, require
from drl.typed import check_types


@dataclass(frozen=True)
class DQNConfig:
    """Everything that decides what is learnt, apart from the environment and the seed."""

    # -- budget -------------------------------------------------------------------------------
    updates_per_step: float = 1.0
    """Gradient steps per env step."""
    learning_starts: int = 500
    """Env steps before the first gradient step."""

    # -- actions ------------------------------------------------------------------------------
    discretise: int | None = None
    """Of continuous actions: values for each number, evenly from its least to its greatest; every
    combination of them is an action to choose."""

    # -- network ------------------------------------------------------------------------------
    hidden: tuple[int, ...] = (64, 64)
    """Neurons of each hidden layer."""
    activation: str = "relu"
    """relu, tanh or sigmoid."""
    conv: str | None = None
    """Convolutions in front, for image observations: digits, minatar or nature."""
    init: str | None = "uniform"
    """Initial weights: he, xavier, orthogonal or uniform (±1/√fan_in)."""
    scale: tuple[float, ...] | None = None
    """Factors that bring the observations to comparable units: one for all, or one for each; none:
    bytes are divided by the largest that the environment's space allows, 255 in images."""
    normalise_obs: bool = False
    """Observations in units of their own running deviation, about their running mean: numbers of
    any size; policy and exports hold the statistics.  Not one-hots, nor pictures in bytes."""

    dueling: bool = False
    """A stream for the state's value and one for the actions' advantages (Wang et al. 2016)."""
    noisy: bool = False
    """Learnt noise on the weights explores, instead of ε (Fortunato et al. 2018)."""
    noisy_sigma: float = 0.5
    """noisy: how much of it there is at the start."""

    # -- what is learnt of the return ---------------------------------------------------------
    head: Literal["mean", "c51", "qr", "iqn"] = "mean"
    """Its mean (Q); its distribution: c51 over fixed values (Bellemare et al. 2017), qr as fixed
    quantiles (Dabney et al. 2018), iqn as any quantile (Dabney et al. 2018)."""
    atoms: int = 51
    """c51: values told apart."""
    v_min: float = -10.0
    """c51: the least of them, in scaled rewards."""
    v_max: float = 10.0
    """c51: the largest."""
    quantiles: int = 32
    """qr: quantiles learnt; iqn: quantiles that decide."""
    iqn_samples: int = 8
    """iqn: fractions drawn for each example in an update."""

    # -- target -------------------------------------------------------------------------------
    bootstrap: Literal["max", "double", "munchausen"] = "double"
    """Value of s′.  max: of the best action (DQN).  double: the online network chooses the action,
    the target network values it.  munchausen: of the policy's mean, and log π(a|s) in the reward
    (Vieillard et al. 2020)."""
    munchausen_alpha: float = 0.9
    """munchausen: share of log π in the reward."""
    munchausen_temperature: float = 0.03
    """munchausen: temperature of the policy, in scaled rewards."""
    gamma: float = 0.99
    """Discount of a reward, per agent step."""
    n_step: int = 1
    """Rewards summed before the bootstrap, in agent steps."""
    reward_scale: float = 1.0
    """Factor on the rewards inside the agent: choose it so that Q stays within about ±1."""
    reward_clip: float | None = None
    """Cut scaled rewards to ± this, as is usual on Atari; none leaves them."""
    normalise_reward: bool = False
    """Divide scaled rewards by the running deviation of the discounted return, and cut them to ±10:
    Q stays within about ±1 whatever the rewards are."""
    reward_range: tuple[float, float] | None = None
    """Least and greatest reward of one step, unscaled; none: what the environment declares."""
    value_bound: tuple[float, float] | Literal["auto"] | None = "auto"
    """Keep the bootstrapped value of s′ between these, in unscaled rewards.  auto: twice as far as
    rewards can add up to, no bound where --reward-range is unknown; none: no bound.  c51 is bound
    by v_min and v_max instead."""
    target_period: int = 1
    """Updates between two moves of the target network."""
    tau: float = 0.005
    """How far it moves towards the online network: 1 copies, less averages (Polyak)."""

    # -- optimisation -------------------------------------------------------------------------
    lr: float = 1e-3
    """Adam's learning rate at the start."""
    lr_end: float | None = None
    """Adam's learning rate after lr_steps, to which it falls linearly; none: it stays."""
    lr_steps: int | None = None
    """Updates over which it falls; none: lr_fraction."""
    lr_fraction: float = 1.0
    """The same as a share of steps × updates_per_step."""
    adam_eps: float = 1e-8
    """Adam's ε: larger ones damp parameters whose gradients are rare."""
    batch_size: int = 64
    """Transitions in one gradient step."""
    max_grad_norm: float | None = None
    """Cut the gradient to this norm; none leaves it."""
    buffer_size: int = 50_000
    """Transitions that the replay memory holds.  An image is kept once, as bytes: a million of
    Atari's (84×84, stack 4) take 7.1 GiB."""
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

    # -- exploration --------------------------------------------------------------------------
    epsilon_start: float = 1.0
    """Share of random actions at the first env step."""
    epsilon_end: float = 0.05
    """Share of random actions after epsilon_steps."""
    epsilon_steps: int | None = None
    """Env steps over which ε falls, linearly; none: epsilon_fraction."""
    epsilon_fraction: float = 0.1
    """The same as a share of steps."""
    ez_mu: float | None = None
    """Hold a random action for n agent steps, P(n) ∝ n^−this (εz-greedy, Dabney et al. 2021; theirs
    is 2); none: for one."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = (
            "updates_per_step", "batch_size", "buffer_size", "target_period", "n_step", "lr",
            "lr_fraction", "adam_eps", "reward_scale", "quantiles", "iqn_samples",
            "munchausen_temperature", "her_k",
        )  # fmt: skip
        for name in positive:
            require(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        fractions = (
            "epsilon_start", "epsilon_end", "gamma", "priority_alpha", "priority_beta",
            "munchausen_alpha", "epsilon_fraction",
        )  # fmt: skip
        for name in fractions:
            require(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "between 0 and 1")
        require("tau", self.tau, 0 < self.tau <= 1, "above 0 and at most 1")
        require("hidden", self.hidden, all(h > 0 for h in self.hidden), "sizes above 0")
        require("learning_starts", self.learning_starts, self.learning_starts >= 0, "0 or more")
        unset_or_positive = (
            "max_grad_norm", "reward_clip", "lr_end", "lr_steps", "epsilon_steps",
            "priority_beta_steps",
        )  # fmt: skip
        for name in unset_or_positive:
            value = getattr(self, name)
            require(name, value, value is None or value > 0, "above 0")
        for name, equal in (("reward_range", True), ("value_bound", False)):
            value = getattr(self, name)
            if value is not None and value != "auto":
                _require_interval(name, value, equal)
        held = self.ez_mu
        require("ez_mu", held, held is None or held > 1, "above 1")
        values = self.discretise
        require("discretise", values, values is None or values > 1, "2 or more")
        require("noisy_sigma", self.noisy_sigma, self.noisy_sigma >= 0, "0 or more")
        require("atoms", self.atoms, self.atoms >= 2, "2 or more")
        require("v_max", self.v_max, self.v_max > self.v_min, f"above `v_min` ({self.v_min})")
        if self.buffer_size < self.batch_size:
            raise UserError(
                f"`buffer_size={self.buffer_size}` is less than one batch of {self.batch_size}: "
                f"give at least `buffer_size={self.batch_size}`"
            )


ADDED: dict[str, object] = {
    "reward_range": None, "value_bound": None, "epsilon_fraction": 0.1, "lr_fraction": 1.0,
    "discretise": None, "normalise_obs": False, "normalise_reward": False, "her": False,
    "her_k": 4, "her_strategy": "future",
}  # fmt: skip
"""Settings that older files lack, and what was done when there were none."""
RENAMED = {"ez_mu": "hold_actions", "batch_size": "batch", "buffer_size": "capacity"}
"""Settings, and what older files call them."""


def from_settings(settings: Mapping[str, Any]) -> DQNConfig:
    """The config back from its JSON form.   UserError where a setting is missing, or is not of its
    type."""
    return read(DQNConfig, settings, ADDED, RENAMED)


class Lengths(NamedTuple):
    """Of the schedules."""

    epsilon_steps: int  # env steps
    lr_steps: int  # updates
    priority_beta_steps: int  # updates


def lengths(config: DQNConfig, steps: int, num_envs: int) -> Lengths:
    """Of each schedule in a run of `steps` env steps: its own where it is set, else a share.

    β is 1 at the last update, as Schaul et al. 2016 have it (section 3.4); ε and the learning rate
    keep their share of the run.
    """
    updates = steps * config.updates_per_step
    return Lengths(
        config.epsilon_steps or max(1, round(config.epsilon_fraction * steps)),
        config.lr_steps or max(1, round(config.lr_fraction * updates)),
        config.priority_beta_steps or max(1, updates_in(config, steps, num_envs)),
    )


def updates_in(config: DQNConfig, steps: int, num_envs: int) -> int:
    """Gradient steps of a run of `steps` env steps; all environments step together."""
    return updates_by(config, -(-steps // num_envs) * num_envs)


def _require_interval(name: str, ends: tuple[float, ...], equal: bool) -> None:
    """Two finite numbers in order."""
    fine = len(ends) == 2 and all(map(math.isfinite, ends)) and ends[0] <= ends[1]
    fine = fine and (equal or ends[0] < ends[1])
    order = "not above" if equal else "below"
    expected = f"two finite numbers, the first {order} the second"
    require(name, " ".join(map(str, ends)), fine, expected)
