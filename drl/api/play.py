"""Random play in one environment, looked at closely; and what its numbers advise."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from drl.action_space import random_action
from drl.api.findings import Finding
from drl.environment import Info, Step, VectorEnv, encoder_of

STEPS, SECONDS = 3_000, 5.0  # of random play, whichever is over first
KEPT = 50  # observations that must not change after they were given
LARGE = 10.0  # observations beyond ± this want a factor
APART = 30.0  # times between the spreads of two components, which then want factors of their own
UNIT = (0.05, 15.0)  # |Q| within this needs no factor on the rewards
SLOW = 500.0  # steps per second, below which environments side by side are worth it


@dataclass
class Played:
    """What random play has shown, of one environment."""

    obs: list[np.ndarray] = field(default_factory=list)  # (*shape) each
    rewards: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)  # discounted, of episodes and of the rest
    lengths: list[int] = field(default_factory=list)  # of episodes that ended
    outside: int = 0  # observations that are not in their space
    allowed: list[float] = field(default_factory=list)  # share of actions, where masks are given
    changed: bool = False  # observations that were given, by later steps
    made: str = ""  # what is done to observations, in words
    choices: bool = False  # they are one-hot or bits, and nothing else
    seconds: float = 0.0

    @property
    def finite(self) -> bool:
        """Whether all numbers are some."""
        right = (np.isfinite(o).all() for o in self.obs if o.dtype.kind == "f")
        return all(right) and bool(np.isfinite(self.rewards).all())


def steps_of(envs: VectorEnv, seed: int) -> Iterator[tuple[np.ndarray, Info, Step | None]]:
    """Random play in one environment, without end: the newest observation, its info, and the step
    that led there; None after the reset."""
    space: Any = copy.deepcopy(envs.action_space)
    space.seed(seed)
    obs, info = envs.reset()
    yield obs, info, None
    while True:
        masks = info.get("action_mask")
        action = random_action(space, None if masks is None else masks[0])
        step = envs.step(np.asarray(action)[None])
        info = step.info
        yield step.obs, info, step


def play(envs: VectorEnv, seed: int, gamma: float) -> Played:
    """Some thousand random steps.   EnvFailed where the environment fails."""
    found, kept, began = Played(), [], time.monotonic()
    gained, weight, length = 0.0, 1.0, 0
    for n, (obs, info, step) in enumerate(steps_of(envs, seed)):
        kept += [(obs, obs.copy())] if n < KEPT else []
        if step is not None:
            obs = step.final_obs  # the true one
            gained, weight, length = gained + weight * step.reward[0], weight * gamma, length + 1
            found.rewards.append(float(step.reward[0]))
            if step.terminated[0] or step.truncated[0]:
                found.returns.append(gained)
                found.lengths.append(length)
                gained, weight, length = 0.0, 1.0, 0
        found.obs.append(obs[0])
        found.outside += obs[0] not in envs.observation_space
        if "action_mask" in info:
            found.allowed.append(float(info["action_mask"][0].mean()))
        found.seconds = time.monotonic() - began
        if n >= STEPS or found.seconds > SECONDS:
            break
    if length:
        found.returns.append(gained)
    encoder = encoder_of(envs)
    found.made = encoder.words()
    found.choices = all(part.kind in ("one-hot", "bits") for part in encoder.parts)
    found.changed = any(not np.array_equal(obs, copied) for obs, copied in kept)
    return found


def advice(found: Played, config: Any, settings: Set[str]) -> list[Finding]:
    """What random play says of observations, rewards, ends, masks and speed.

    config    the agent's, of this environment: what it scales already counts
    settings  names of those that can be set
    """
    return [
        _observations(found, config, settings),
        _rewards(found, config, settings),
        _ends(found),
        _masks(found),
        _speed(found, settings),
    ]


def _observations(found: Played, config: Any, settings: Set[str]) -> Finding:
    obs = np.stack(found.obs).astype(np.float64)
    low, high = obs.min(), obs.max()
    made = f"{found.made}; " if found.made else ""
    said = f"{made}{low:.3g} … {high:.3g} in random play"
    if found.outside:
        text = f"{said}, {found.outside:,} of {len(obs):,} outside their space: widen its bounds"
        return Finding("look", "observations", text)
    if found.choices:
        met = int(obs.any(axis=0).sum())
        text = f"{made}{met} of {obs.shape[1]} met in random play"
        return Finding("ok", "observations", text)
    if found.obs[0].dtype == np.uint8:
        return Finding("ok", "observations", f"{said}, bytes: brought to 0 … 1 by the agent")
    if getattr(config, "normalise_obs", False):
        return Finding("ok", "observations", f"{said}, normalised by the agent")
    scale = getattr(config, "scale", None)
    flat = obs.reshape(len(obs), -1)
    if scale is not None:
        flat = flat * np.asarray(scale)
        said += f", by `scale` {flat.min():.3g} … {flat.max():.3g}"
    spread = flat.std(axis=0)
    still = int((spread == 0).sum())
    said += f"; {still} of {flat.shape[1]} components never change" if still else ""
    moving = spread[spread > 0]
    apart = float(moving.max() / moving.min()) if len(moving) else 1.0
    if abs(flat).max() <= LARGE and (apart <= APART or abs(flat).max() <= 1):
        return Finding("ok", "observations", said)
    if apart > APART:
        said += f"; their spreads are {moving.min():.2g} to {moving.max():.2g}"
    use = "bring them to about ±1 in the environment"
    if "scale" in settings:
        factors = {_round(1 / max(abs(column).max(), 1e-6)) for column in flat.T}
        use = "give `scale`, factors that bring them to about ±1"
        if len(factors) <= 8 and apart > APART and flat.shape[1] <= 8:
            each = " ".join(f"{_round(1 / max(abs(c).max(), 1e-6)):g}" for c in flat.T)
            use += f": {each}"
        elif apart <= APART:
            use += f": {_round(1 / abs(flat).max()):g}"
    if "normalise_obs" in settings:
        use = f"use `normalise_obs`, or {use}"
    return Finding("look", "observations", f"{said}: {use}")


def _rewards(found: Played, config: Any, settings: Set[str]) -> Finding:
    rewards = np.array(found.rewards)
    if not rewards.any():
        text = f"none in {len(rewards):,} random steps: chance alone may never find one"
        return Finding("look", "rewards", text)
    if getattr(config, "normalise_reward", False):
        text = f"{rewards.min():.3g} … {rewards.max():.3g} a step, normalised by the agent"
        return Finding("ok", "rewards", text)
    unit = float(getattr(config, "reward_scale", 1.0))
    largest = float(np.abs(found.returns).max())
    said = f"{rewards.min():.3g} … {rewards.max():.3g} a step, discounted returns to {largest:.3g}"
    said += f" (`reward_scale={unit:g}`)" if unit != 1 else ""
    if UNIT[0] <= largest * unit <= UNIT[1]:
        return Finding("ok", "rewards", said)
    use = "bring returns to about ±1 in the environment"
    if "reward_scale" in settings:
        use = f"`reward_scale={_round(1 / largest):g}` brings values to about ±1"
    if "normalise_reward" in settings:
        use += ", or `normalise_reward`"
    return Finding("look", "rewards", f"{said}: {use}")


def _ends(found: Played) -> Finding:
    if not found.lengths:
        text = (
            f"none in {len(found.rewards):,} random steps: give it a time limit (gymnasium's "
            "TimeLimit, or max_episode_steps where it is registered), or cut evaluations by "
            "`eval_max_steps`: else they are long"
        )
        return Finding("look", "episodes' ends", text)
    mean = f"{np.mean(found.lengths):,.0f} steps on average, {max(found.lengths):,} at most"
    return Finding("ok", "episodes' ends", f"{len(found.lengths):,} episodes, {mean}")


def _masks(found: Played) -> Finding:
    if not found.allowed:
        return Finding("ok", "action masks", "none given: every action is allowed")
    return Finding("ok", "action masks", f"given, {np.mean(found.allowed):.0%} of actions allowed")


def _speed(found: Played, settings: Set[str]) -> Finding:
    speed = len(found.rewards) / max(found.seconds, 1e-9)
    text = f"{speed:,.0f} steps per second of one environment"
    if speed >= SLOW:
        return Finding("ok", "speed", text)
    use = "; `env_workers` steps several at once" if "env_workers" in settings else ""
    return Finding("look", "speed", f"{text}: training will wait for it{use}")


def _round(value: float) -> float:
    """To one digit."""
    return float(f"{value:.0e}")
