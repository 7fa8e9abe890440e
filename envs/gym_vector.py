"""Any of Gymnasium's worlds, watched: wrong numbers are named, a world that fails is begun anew."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from drl.errors import UserError
from drl.state import fill
from envs.alarm import alarm
from envs.core import Transition
from envs.drawing import rendered

STEP_SECONDS = 60.0  # a world that takes longer in one step hangs
MOST_RESTARTS = 10  # of all worlds together, then the run ends


class GymVector:
    """N worlds of Gymnasium's kind, one after the other in this process, each with its own seed.

    build  makes one of them: a gym.Env with Box observations and Discrete actions

    An episode's end and the reset that follows are one step (SAME_STEP).  float64 observations
    are delivered as float32.  NaN, Inf, wrong shapes and dtypes are the env's mistakes: they are
    named, with the world they came from, before they can reach a network.  A world that raises, or
    hangs for STEP_SECONDS, is made anew and its episode is lost (`Transition.lost`), MOST_RESTARTS
    times in all; then the exception is the env's mistake too.
    """

    stack = 1
    reward_range: tuple[float, float] | None = None  # Gymnasium's worlds do not tell

    def __init__(self, id: str, num_envs: int, seed: int, build: Callable[[], Any]) -> None:
        import gymnasium as gym

        self.id, self.num_envs, self.seed, self.build = id, num_envs, seed, build
        self.envs: list[Any] = [build() for _ in range(num_envs)]
        self.fps = float(self.envs[0].metadata.get("render_fps") or 30)
        self.restarts: list[str] = []
        observation, action = self.envs[0].observation_space, self.envs[0].action_space
        if not isinstance(observation, gym.spaces.Box):
            raise UserError(
                f"{id} has {_name(observation)} observations; a DQN here takes Box observations: "
                "choose another env or wrap it"
            )
        if not isinstance(action, gym.spaces.Discrete):
            raise UserError(
                f"{id} has {_name(action)} actions; a DQN takes Discrete actions: "
                "choose an env with a finite set of actions"
            )
        self.actions = int(action.n)
        self.first_action = int(action.start)
        self.observation_shape = tuple(observation.shape)
        self.observation_dtype: Any = np.uint8 if observation.dtype == np.uint8 else np.float32
        self.seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(num_envs)]
        self.seeded = False

    def reset(self) -> np.ndarray:
        """New episodes everywhere: (N, *shape).  The first is seeded, later ones go on."""
        seeds = [None] * self.num_envs if self.seeded else self.seeds
        self.seeded = True
        obs = self._empty()
        for i, seed in enumerate(seeds):
            try:
                first = self.envs[i].reset(seed=seed)[0]
            except Exception as error:
                raise UserError(
                    f"{self.id} (world {i}) failed in a reset ({type(error).__name__}: {error}): "
                    "mend the env"
                ) from error
            self._put(obs, i, first)
        return self._finite(obs)

    def step(self, actions: np.ndarray) -> Transition:
        """actions (N,) in 0 … actions − 1.   UserError for the env's mistakes, named."""
        obs, reward = self._empty(), np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        successor = obs
        lost: np.ndarray | None = None
        with alarm(STEP_SECONDS) as restart_clock:
            for i, action in enumerate((actions + self.first_action).tolist()):
                try:
                    seen, reward[i], terminated[i], truncated[i], _ = self.envs[i].step(action)
                    ended = terminated[i] or truncated[i]
                    after = self.envs[i].reset()[0] if ended else seen
                except Exception as error:
                    restart_clock()
                    if lost is None:
                        lost = np.zeros(self.num_envs, bool)
                    reward[i], terminated[i], truncated[i], lost[i] = 0.0, False, False, True
                    ended, seen = False, self._restarted(i, error)
                    after = seen
                self._put(obs, i, after)
                if ended and successor is obs:
                    successor = obs.copy()
                if successor is not obs:
                    self._put(successor, i, seen)  # the true next observation
        if not np.isfinite(reward.sum()):
            bad = int(np.flatnonzero(~np.isfinite(reward))[0])
            raise UserError(f"{self.id} (world {bad}) gave the reward {reward[bad]}: mend the env")
        self._finite(obs)
        if successor is not obs:
            self._finite(successor)
        return Transition(obs, reward, terminated, truncated, successor, lost)

    def _restarted(self, i: int, error: Exception) -> np.ndarray:
        """World i made anew: the first observation of its new episode."""
        what = f"{self.id} (world {i}) failed in a step ({type(error).__name__}: {error})"
        if len(self.restarts) >= MOST_RESTARTS:
            raise UserError(
                f"{what}, after {MOST_RESTARTS} such failures that were mended by a restart: mend "
                "the env"
            ) from error
        self.restarts.append(what)
        with contextlib.suppress(Exception):  # what is broken may not close either
            self.envs[i].close()
        stream = np.random.SeedSequence([self.seed, i, len(self.restarts)])
        try:
            self.envs[i] = self.build()
            first: np.ndarray = self.envs[i].reset(seed=int(stream.generate_state(1)[0]))[0]
        except Exception as again:
            raise UserError(
                f"{what} and cannot be made anew ({type(again).__name__}: {again}): mend the env"
            ) from again
        return first

    def _empty(self) -> np.ndarray:
        return np.empty((self.num_envs, *self.observation_shape), self.observation_dtype)

    def _put(self, obs: np.ndarray, i: int, seen: Any) -> None:
        if np.shape(seen) != self.observation_shape:
            raise UserError(
                f"{self.id} (world {i}) gave an observation of shape {np.shape(seen)}; its space "
                f"says {self.observation_shape}: mend the env"
            )
        dtype = np.asarray(seen).dtype
        if dtype != obs.dtype and not np.can_cast(dtype, obs.dtype, "same_kind"):
            raise UserError(  # 0.5 as a byte is 0
                f"{self.id} (world {i}) gave an observation of {dtype}; its space says "
                f"{self.envs[i].observation_space.dtype}: mend the env"
            )
        obs[i] = seen

    def _finite(self, obs: np.ndarray) -> np.ndarray:
        if obs.dtype == np.float32 and not np.isfinite(obs.sum()):
            wrong = ~np.isfinite(obs.reshape(self.num_envs, -1)).all(axis=1)
            if wrong.any():  # else only the sum overflowed
                raise UserError(
                    f"{self.id} (world {int(np.flatnonzero(wrong)[0])}) gave NaN or Inf in an "
                    "observation: mend the env"
                )
        return obs

    def state(self) -> dict[str, Any] | None:
        """The classic-control worlds can be read; of others None is all that can be said."""
        worlds = {}
        for i, env in enumerate(self.envs):
            inner, clock = env.unwrapped, _clock(env)
            if not _readable(inner) or clock is None or getattr(inner, "state", None) is None:
                return None
            worlds[str(i)] = {
                "state": np.array(inner.state, np.float64),
                "elapsed": clock._elapsed_steps,
                "rng": inner.np_random.bit_generator.state,
            }
        return worlds

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another world's."""
        self.reset()  # gives every wrapper and generator a first state
        for i, env in enumerate(self.envs):
            inner, world = env.unwrapped, state[str(i)]
            restored = np.zeros_like(np.asarray(inner.state, np.float64))
            fill(restored, world["state"], f"{self.id} state")
            inner.state = restored
            inner.np_random.bit_generator.state = world["rng"]
            _clock(env)._elapsed_steps = world["elapsed"]

    def picture(self) -> np.ndarray:
        """World 0: (H, W, 3) uint8.   UserError where it was not made to be drawn."""
        return rendered(self.envs[0], self.id)

    def close(self) -> None:
        """Close each of them."""
        for env in self.envs:
            env.close()


def _name(space: Any) -> str:
    return type(space).__name__


def _readable(inner: Any) -> bool:
    return type(inner).__module__.startswith("gymnasium.envs.classic_control")


def _clock(env: Any) -> Any:
    """The TimeLimit wrapper around an env, which counts its steps; None where there is none."""
    from gymnasium.wrappers import TimeLimit

    while not isinstance(env, TimeLimit):
        if not hasattr(env, "env"):
            return None
        env = env.env
    return env
