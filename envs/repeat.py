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
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from drl.action_space import one_by_one, random_action
from drl.errors import EnvWarning, UserError
from drl.state import load_shared_generators, shared_generators
from envs.guarded import Failed, GivenAgain, Guarded
from envs.own_state import generator_state, load_generator

Way = Literal["generator", "seed", "instance"]  # how an episode begins; tried in this order
# Of BipedalWalker's episodes every second one shows what came before it, after 40 to 100 steps.
TRIES, STEPS = 6, 120  # episodes that are played again, agent steps of each at most
SECONDS, WAITING = 10.0, 30.0  # of the processor, and of the clock, for trying


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
    actions: list[Any] = field(default_factory=list)  # as the environment took them
    reward: float = 0.0  # sum

    def state(self, space: Any) -> dict[str, Any]:
        """For a checkpoint.   space: of the actions."""
        taken = np.array(self.actions, space.dtype).reshape(-1, *space.shape)
        return {
            "way": self.way, "seed": self.seed, "generator": self.generator, "actions": taken,
            "reward": self.reward,
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: dict[str, Any], space: Any) -> Episode:
        """ValueError, KeyError or TypeError where it is none of these actions."""
        if state["way"] not in get_args(Way) or (state["seed"] is None) == (
            state["generator"] is None
        ):
            raise ValueError(f"no way to begin an episode: {state['way']!r}, {state['seed']!r}")
        taken = state["actions"]
        if taken.shape[1:] != space.shape or taken.ndim != 1 + len(space.shape):
            raise ValueError(f"actions of shape {taken.shape} in an episode")
        actions = one_by_one(taken.astype(space.dtype, casting="safe"), space)
        return cls(state["way"], state["seed"], state["generator"], actions, state["reward"])


def begin(env: Guarded, way: Way, seed: int | None, obs: np.ndarray, i: int) -> Episode:
    """obs[i] ← the first observation of a new episode; its record.

    seed  of the reset; None, with way "generator": the env's generator goes on

    The instance for "instance" is the caller's to build.
    """
    generator = generator_state(env.env) if seed is None else None
    env.reset(obs, i, seed)
    return Episode(way, seed, generator)


def play_again(env: Guarded, episode: Episode, obs: np.ndarray, i: int) -> float:
    """obs[i] ← the last observation of a recorded episode; the sum of its rewards."""
    if episode.generator is None:
        env.reset(obs, i, episode.seed)
    else:
        env.reset(obs, i, 0)  # gives every wrapper and generator a first state
        load_generator(env.env, episode.generator)
        env.reset(obs, i)
    return sum(env.step(action, obs, i)[0] for action in episode.actions)


def find_way(make: Callable[[], Guarded], obs: np.ndarray, seed: int) -> Way | None:
    """How episodes of this environment can be played again; None: no way was found that works.

    Some episodes are played under each way in turn, with others before them in the same instance,
    and again in a new one.  The generators that a process shares are given back as they were.

    obs  (N, *shape) a buffer for observations

    Where there is no answer in time, or the environment fails: "generator", as Gymnasium's
    documentation would have it.  A difference is then found when it matters.
    """
    before = shared_generators()
    busy, waited = time.process_time() + SECONDS, time.monotonic() + WAITING

    def late() -> bool:
        return time.process_time() > busy or time.monotonic() > waited

    try:
        return next((way for way in get_args(Way) if _works(make, way, obs, seed, late)), None)
    except GivenAgain:
        raise
    except (Failed, UserError, TimeoutError):  # what is wrong is said in training, when it counts
        return "generator"
    finally:
        load_shared_generators(before)


def _works(
    make: Callable[[], Guarded], way: Way, obs: np.ndarray, seed: int, late: Callable[[], bool]
) -> bool:
    seeds = iter(np.random.SeedSequence([seed, 2]).generate_state(2 * TRIES + 2).tolist())
    own = next(seeds)
    with contextlib.ExitStack() as instances:

        def new() -> Guarded:
            env = make()
            instances.callback(_close, env)
            return env

        env, again = new(), np.empty_like(obs)
        space = copy.deepcopy(env.action_space)
        space.seed(own)
        own_seed: int | None = next(seeds)
        for n in range(2 * TRIES):
            if way == "instance":
                instances.close()
                env = new()
            episode = begin(env, way, own_seed, obs, 0)
            if way == "generator" and episode.seed is None and episode.generator is None:
                return False  # it has none of numpy's kind
            over = False
            while not over and len(episode.actions) < STEPS:
                if late():
                    raise TimeoutError
                (action,) = one_by_one(np.asarray(random_action(space, env.mask()))[None], space)
                gained, terminated, truncated = env.step(action, obs, 0)
                episode.actions.append(action)
                episode.reward += gained
                over = terminated or truncated
            if n % 2:  # each other one only comes before, and must not show
                other = make()
                try:
                    total = play_again(other, episode, again, 0)
                finally:
                    _close(other)
                if again[0].tobytes() != obs[0].tobytes() or total != episode.reward:
                    return False
            own_seed = None if way == "generator" else next(seeds)
    return True


def _close(env: Guarded) -> None:
    with warnings.catch_warnings(action="ignore", category=EnvWarning):  # it only served a trial
        env.close()
