"""Settings of a DQN, each with its unit, checked where they are made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from drl.errors import UserError
from drl.typed import check_types


@dataclass(frozen=True)
class DQNConfig:
    """Everything that decides what is learnt, apart from the environment and the seed."""

    # -- budget -------------------------------------------------------------------------------
    steps: int = 100_000
    """Most env steps to train for (one step of one environment is 1)."""
    num_envs: int = 16
    """Environments stepped side by side."""
    updates_per_step: float = 1.0
    """Gradient steps per env step."""
    learning_starts: int = 500
    """Env steps before the first gradient step."""

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
    """Factors that bring the observations to comparable units: one for all, or one for each."""

    # -- target -------------------------------------------------------------------------------
    double: bool = True
    """Double DQN: the online network chooses the action in s′, the target network values it."""
    gamma: float = 0.99
    """Discount of a reward, per agent step."""
    n_step: int = 1
    """Rewards summed before the bootstrap, in agent steps."""
    reward_scale: float = 1.0
    """Factor on the rewards inside the agent: choose it so that Q stays within about ±1."""
    target_period: int = 1
    """Updates between two moves of the target network."""
    tau: float = 0.005
    """How far it moves towards the online network: 1 copies, less averages (Polyak)."""

    # -- optimisation -------------------------------------------------------------------------
    lr: float = 1e-3
    """Adam's learning rate at the start."""
    lr_end: float = 1e-3
    """Adam's learning rate after lr_steps."""
    lr_steps: int = 1
    """Updates over which the learning rate falls from lr to lr_end, linearly."""
    batch: int = 64
    """Transitions in one gradient step."""
    max_grad_norm: float | None = None
    """Cut the gradient to this norm; none leaves it."""
    capacity: int = 50_000
    """Transitions that the replay memory holds."""

    # -- exploration --------------------------------------------------------------------------
    epsilon_start: float = 1.0
    """Share of random actions at the first env step."""
    epsilon_end: float = 0.05
    """Share of random actions after epsilon_steps."""
    epsilon_steps: int = 10_000
    """Env steps over which ε falls, linearly."""

    # -- evaluation ---------------------------------------------------------------------------
    eval_every: int = 5_000
    """Env steps between two greedy checks."""
    eval_episodes: int = 10
    """Episodes of a check."""
    solved_at: float | None = None
    """Stop once the mean return of 100 greedy episodes reaches this; none trains all steps."""
    confirm_at: float | None = None
    """A check must reach this before 100 episodes are spent on confirming it; none: solved_at."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = (
            "steps", "num_envs", "updates_per_step", "batch", "capacity", "target_period", "n_step",
            "lr", "lr_end", "lr_steps", "reward_scale", "eval_every", "eval_episodes",
            "epsilon_steps",
        )  # fmt: skip
        for name in positive:
            _require(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        for name in ("epsilon_start", "epsilon_end", "gamma"):
            _require(name, getattr(self, name), 0 <= getattr(self, name) <= 1, "between 0 and 1")
        _require("tau", self.tau, 0 < self.tau <= 1, "above 0 and at most 1")
        _require("hidden", self.hidden, all(h > 0 for h in self.hidden), "sizes above 0")
        _require("learning_starts", self.learning_starts, self.learning_starts >= 0, "0 or more")
        if self.max_grad_norm is not None:
            _require("max_grad_norm", self.max_grad_norm, self.max_grad_norm > 0, "above 0")
        if self.capacity < self.batch:
            raise UserError(
                f"capacity {self.capacity} is less than one batch of {self.batch}: "
                f"give at least --capacity {self.batch}"
            )


def from_settings(settings: dict[str, object]) -> DQNConfig:
    """The config back from its JSON form (tuples are lists there).

    UserError where a setting is missing, or is not of its type.
    """
    values: dict[str, Any] = {}
    for field in fields(DQNConfig):
        if field.name not in settings:
            raise UserError(f"the settings lack {field.name!r}: are they of another version?")
        value = settings[field.name]
        values[field.name] = tuple(value) if isinstance(value, list) else value
    return DQNConfig(**values)


def _require(name: str, value: object, fine: bool, expected: str) -> None:
    if not fine:  # also for NaN, which fails every comparison
        raise UserError(f"--{name.replace('_', '-')} {value} is not possible: give {expected}")
