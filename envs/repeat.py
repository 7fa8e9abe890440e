"""Can an episode be played again, to the bit?  How, and is it the same?

An environment of Gymnasium's kind does not tell its state.  But a deterministic one is where it is
because of how its episode began and of the actions since, and of nothing else.  So a checkpoint
keeps these, and a resumed run plays the episode under way again (`Episode`).  Whether nothing else
plays a part is tried out once, at the start (`find_way`): generators of its own, simulators that
remember earlier episodes (BipedalWalker's b2World outlives its resets), entropy from elsewhere.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from drl.state import load_shared_generators, shared_generators

# how an episode begins, so that it can begin again; tried in this order
Way = Literal["generator", "seed", "instance"]
WAYS: tuple[Way, ...] = ("generator", "seed", "instance")
TRIES, STEPS = 3, 60  # episodes that are played again, agent steps of each at most


@dataclass
class Episode:
    """One environment's episode under way: how it began, what was done since, what came of it.

    way    generator: with the state that the env's own generator (`np_random`) had before the reset
           seed:      with a seed of its own
           instance:  with a seed, in an instance built for it
    """

    way: Way
    seed: int | None = None
    generator: dict[str, Any] | None = None
    actions: list[Any] = field(default_factory=list)
    reward: float = 0.0  # sum

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "way": self.way, "seed": self.seed, "generator": self.generator,
            "actions": np.array(self.actions), "reward": self.reward,
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Episode:
        actions = list(state["actions"])
        return cls(state["way"], state["seed"], state["generator"], actions, state["reward"])


def begin(env: Any, way: Way, seed: int | None) -> tuple[Any, Episode]:
    """The first observation of a new episode, and its record.

    seed  of the reset; None with way "generator": the env's generator goes on

    An instance for "instance" is the caller's to build.
    """
    if way == "generator" and seed is None:
        generator = copy.deepcopy(env.unwrapped.np_random.bit_generator.state)
        return env.reset()[0], Episode(way, None, generator)
    return env.reset(seed=seed)[0], Episode(way, seed)


def begin_again(env: Any, episode: Episode) -> Any:
    """The first observation of a recorded episode, in another instance."""
    if episode.generator is None:
        return env.reset(seed=episode.seed)[0]
    env.reset(seed=0)  # gives every wrapper and generator a first state
    env.unwrapped.np_random.bit_generator.state = episode.generator
    return env.reset()[0]


def play_again(env: Any, episode: Episode) -> tuple[Any, float]:
    """The last observation and the sum of rewards of a recorded episode, in another instance."""
    obs, total = begin_again(env, episode), 0.0
    for action in episode.actions:
        obs, reward, *_ = env.step(action)
        total += float(reward)
    return obs, total


def same(a: Any, b: Any) -> bool:
    """Whether two observations are equal to the bit, NaN to NaN."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    a, b = np.asarray(a), np.asarray(b)
    return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())


def find_way(build: Callable[[], Any], seed: int) -> Way | None:
    """How episodes of this environment can be played again; None: none was found that works.

    Some episodes are played under each way in turn, with others before them in the same instance,
    and again in a new one.  Process-wide generators are given back as they were.
    """
    before = shared_generators()
    try:
        return next((way for way in WAYS if _works(build, way, seed)), None)
    finally:
        load_shared_generators(before)


def _works(build: Callable[[], Any], way: Way, seed: int) -> bool:
    seeds = iter(np.random.SeedSequence([seed, 2]).generate_state(2 * TRIES + 1).tolist())
    with contextlib.ExitStack() as instances:

        def new() -> Any:
            env = build()
            instances.callback(_close, env)
            return env

        env = new()
        space = copy.deepcopy(env.action_space)
        space.seed(next(seeds) % 2**31)
        first = True
        for _ in range(TRIES):
            for recorded in (False, True):  # an episode before, which must not show in the next
                if way == "instance":
                    env = new()
                own_seed = next(seeds) if first or way != "generator" else None
                first = False
                obs, episode = begin(env, way, own_seed)
                for _ in range(STEPS):
                    action = space.sample()
                    obs, reward, terminated, truncated, _ = env.step(action)
                    obs = copy.deepcopy(obs)
                    episode.actions.append(action)
                    episode.reward += float(reward)
                    if terminated or truncated:
                        break
                if recorded:
                    again, total = play_again(new(), episode)
                    if not same(again, obs) or total != episode.reward:
                        return False
    return True


def _close(env: Any) -> None:
    with contextlib.suppress(Exception):  # an instance that only served a trial
        env.close()
