"""`make`: N worlds side by side from an id, ours or any of Gymnasium's."""

from __future__ import annotations

import contextlib
import difflib
from typing import Any

import numpy as np

from drl.errors import UserError
from drl.state import fill
from envs.cartpole import CartPole
from envs.chain import Chain
from envs.core import NumpyEnv, Transition, VectorEnv
from envs.drawing import headless, no_pictures, rendered

OURS: dict[str, type[NumpyEnv]] = {"CartPole-v1": CartPole, "drl/Chain-v0": Chain}

# a word of the complaint → our extra
EXTRAS = {"Box2D": "box2d", "box2d": "box2d", "minatar": "minatar", "ale_py": "atari"}


def make(id: str, num_envs: int, seed: int, drawn: bool = False) -> VectorEnv:
    """`num_envs` worlds, seeded.

    drawn  `picture` will be asked for: Gymnasium's worlds must know that when they are made

    UserError: unknown id, spaces that a DQN cannot have, a world that cannot be drawn.
    """
    if num_envs < 1:
        raise UserError(f"--num-envs {num_envs} is not possible: give at least 1")
    if id in OURS:
        return OURS[id](id=id, num_envs=num_envs, seed=seed)
    try:
        if id.startswith("MinAtar/"):
            from envs import minatar

            if id in minatar.IDS:
                return minatar.MinAtar(id, num_envs, seed)
        if id.startswith("ALE/"):
            from envs import atari

            if id in atari.ids():
                return atari.Atari(id, num_envs, seed)
    except ModuleNotFoundError as error:
        raise UserError(f"{id} needs a package that is not here: {_install(error)}") from error
    return GymVector(id, num_envs, seed, "rgb_array" if drawn else None)


class GymVector:
    """Any Gymnasium env, one after the other in this process, each with its own seed.

    An episode's end and the reset that follows are one step (SAME_STEP).  float64 observations
    are delivered as float32.  NaN, Inf, wrong shapes and exceptions are the env's mistakes: they
    are named, with the world they came from, before they can reach a network.
    """

    stack = 1

    def __init__(self, id: str, num_envs: int, seed: int, render_mode: str | None = None) -> None:
        import gymnasium as gym

        self.id, self.num_envs = id, num_envs
        self.envs: list[Any] = [_make_one(id, render_mode) for _ in range(num_envs)]
        self.fps = float(self.envs[0].metadata.get("render_fps") or 30)
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
        seeds = [None] * self.num_envs if self.seeded else self.seeds
        self.seeded = True
        obs = self._empty()
        for i, seed in enumerate(seeds):
            self._put(obs, i, self.envs[i].reset(seed=seed)[0])
        return self._finite(obs)

    def step(self, actions: np.ndarray) -> Transition:
        obs, reward = self._empty(), np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        successor = obs
        for i, action in enumerate((actions + self.first_action).tolist()):
            try:
                seen, reward[i], terminated[i], truncated[i], _ = self.envs[i].step(action)
                self._put(obs, i, seen)
                if terminated[i] or truncated[i]:
                    if successor is obs:
                        successor = obs.copy()
                    successor[i] = obs[i]  # the true final observation
                    self._put(obs, i, self.envs[i].reset()[0])
                elif successor is not obs:
                    successor[i] = obs[i]
            except UserError:
                raise
            except Exception as error:
                raise UserError(
                    f"{self.id} (world {i}) failed in a step: {type(error).__name__}: {error}"
                ) from error
        if not np.isfinite(reward.sum()):
            bad = int(np.flatnonzero(~np.isfinite(reward))[0])
            raise UserError(f"{self.id} (world {bad}) gave the reward {reward[bad]}: mend the env")
        self._finite(obs)
        if successor is not obs:
            self._finite(successor)
        return Transition(obs, reward, terminated, truncated, successor)

    def _empty(self) -> np.ndarray:
        return np.empty((self.num_envs, *self.observation_shape), self.observation_dtype)

    def _put(self, obs: np.ndarray, i: int, seen: Any) -> None:
        if np.shape(seen) != self.observation_shape:
            raise UserError(
                f"{self.id} (world {i}) gave an observation of shape {np.shape(seen)}; its space "
                f"says {self.observation_shape}: mend the env"
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
        self.reset()  # gives every wrapper and generator a first state
        for i, env in enumerate(self.envs):
            inner, world = env.unwrapped, state[str(i)]
            restored = np.zeros_like(np.asarray(inner.state, np.float64))
            fill(restored, world["state"], f"{self.id} state")
            inner.state = restored
            inner.np_random.bit_generator.state = world["rng"]
            _clock(env)._elapsed_steps = world["elapsed"]

    def picture(self) -> np.ndarray:
        return rendered(self.envs[0], self.id)

    def close(self) -> None:
        for env in self.envs:
            env.close()


def _make_one(id: str, render_mode: str | None) -> Any:
    import gymnasium as gym

    if render_mode is not None:
        headless()
    try:
        env = gym.make(id)
        if render_mode is None:
            return env
        env.close()
        if render_mode not in env.metadata.get("render_modes", []):
            raise no_pictures(id)
        return gym.make(id, render_mode=render_mode, disable_env_checker=True)
    except gym.error.DependencyNotInstalled as error:
        raise UserError(f"{id} needs a package that is not here: {_install(error)}") from error
    except (gym.error.UnregisteredEnv, gym.error.NamespaceNotFound) as error:
        near = difflib.get_close_matches(id, {*gym.registry, *_others()}, n=3, cutoff=0.5)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise UserError(f"unknown environment {id!r}{hint}") from error
    except gym.error.Error as error:
        raise UserError(f"{id}: {error}") from error


def _others() -> set[str]:
    """Ids that Gymnasium does not know of; the Atari games where their package is here."""
    from envs import atari, minatar

    others = {*OURS, *minatar.IDS}
    with contextlib.suppress(ModuleNotFoundError):
        others |= atari.ids().keys()
    return others


def _install(error: Exception) -> str:
    for word, extra in EXTRAS.items():
        if word in str(error):
            return f"pip install 'drl-toolkit[{extra}]'"
    return str(error)


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
