"""`make`: N worlds side by side from an id, ours or any of Gymnasium's."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np

from drl.errors import UserError
from envs.cartpole import CartPole
from envs.chain import Chain
from envs.core import NumpyEnv, Transition, VectorEnv

OURS: dict[str, type[NumpyEnv]] = {"CartPole-v1": CartPole, "drl/Chain-v0": Chain}

EXTRAS = {"Box2D": "box2d", "box2d": "box2d", "ale_py": "atari", "minatar": "minatar"}


def make(id: str, num_envs: int, seed: int) -> VectorEnv:
    """`num_envs` worlds, seeded.  UserError: unknown id, spaces that a DQN cannot have."""
    if num_envs < 1:
        raise UserError(f"--num-envs {num_envs} is not possible: give at least 1")
    if id in OURS:
        return OURS[id](id=id, num_envs=num_envs, seed=seed)
    return GymVector(id, num_envs, seed)


class GymVector:
    """Any Gymnasium env, one after the other in this process.

    Each has its own seed.  float64 observations are delivered as float32.  NaN, Inf and wrong
    shapes are the env's error and are named before they can reach a network.
    """

    def __init__(self, id: str, num_envs: int, seed: int) -> None:
        import gymnasium as gym

        self.id, self.num_envs = id, num_envs
        self.envs = gym.vector.SyncVectorEnv(
            [lambda: _make_one(id)] * num_envs,
            # we copy where we convert; the flags and rewards are fresh anyway
            copy=True,
            autoreset_mode=gym.vector.AutoresetMode.SAME_STEP,
        )
        observation, action = self.envs.single_observation_space, self.envs.single_action_space
        if not isinstance(observation, gym.spaces.Box):
            self.close()
            raise UserError(
                f"{id} has {_name(observation)} observations; a DQN here takes Box observations: "
                "choose another env or wrap it"
            )
        if not isinstance(action, gym.spaces.Discrete):
            self.close()
            raise UserError(
                f"{id} has {_name(action)} actions; a DQN takes Discrete actions: "
                "choose an env with a finite set of actions"
            )
        self.actions = int(action.n)
        self.first_action = int(action.start)
        self.observation_shape = tuple(observation.shape)
        self.observation_dtype: Any = np.uint8 if observation.dtype == np.uint8 else np.float32
        self.seeds: Any = [
            int(s) for s in np.random.SeedSequence(seed).generate_state(num_envs)
        ]

    def reset(self) -> np.ndarray:
        obs, _ = self.envs.reset(seed=self.seeds)
        self.seeds = None
        return self._checked(obs, "reset")

    def step(self, actions: np.ndarray) -> Transition:
        obs, reward, terminated, truncated, infos = self.envs.step(actions + self.first_action)
        obs = self._checked(obs, "step")
        if not np.isfinite(reward.sum()):
            bad = int(np.flatnonzero(~np.isfinite(reward))[0])
            raise UserError(f"{self.id} (world {bad}) gave the reward {reward[bad]}: mend the env")
        successor = obs
        if "final_obs" in infos:
            successor = obs.copy()
            for i in np.flatnonzero(terminated | truncated):
                successor[i] = infos["final_obs"][i]
            self._checked(successor, "last step")
        return Transition(obs, reward, terminated, truncated, successor)

    def _checked(self, obs: np.ndarray, when: str) -> np.ndarray:
        obs = np.asarray(obs, self.observation_dtype)
        if obs.dtype == np.float32 and not np.isfinite(obs.sum()):
            wrong = ~np.isfinite(obs.reshape(self.num_envs, -1)).all(axis=1)
            if wrong.any():  # else only the sum overflowed
                raise UserError(
                    f"{self.id} (world {int(np.flatnonzero(wrong)[0])}) gave NaN or Inf in an "
                    f"observation ({when}): mend the env"
                )
        return obs

    def state(self) -> dict[str, Any] | None:
        """The classic-control worlds can be read; of others None is all that can be said."""
        worlds = []
        for env in self.envs.envs:
            inner: Any = env.unwrapped
            elapsed = _elapsed(env)
            if not _readable(inner) or elapsed is None or getattr(inner, "state", None) is None:
                return None
            worlds.append(
                {
                    "state": np.asarray(inner.state, np.float64).copy(),
                    "elapsed": elapsed._elapsed_steps,
                    "rng": inner.np_random.bit_generator.state,
                }
            )
        return {str(i): world for i, world in enumerate(worlds)}

    def load_state(self, state: dict[str, Any]) -> None:
        self.envs.reset(seed=0)  # gives every wrapper and generator a first state
        self.seeds = None
        for i, env in enumerate(self.envs.envs):
            inner: Any = env.unwrapped
            world = state[str(i)]
            inner.state = world["state"].copy()
            inner.np_random.bit_generator.state = world["rng"]
            _elapsed(env)._elapsed_steps = world["elapsed"]
            if hasattr(inner, "steps_beyond_terminated"):
                inner.steps_beyond_terminated = None

    def close(self) -> None:
        self.envs.close()


def _make_one(id: str) -> Any:
    import gymnasium as gym

    try:
        return gym.make(id)
    except gym.error.DependencyNotInstalled as error:
        raise UserError(f"{id} needs a package that is not here: {_install(error)}") from error
    except (gym.error.UnregisteredEnv, gym.error.NamespaceNotFound) as error:
        near = difflib.get_close_matches(id, [*gym.registry, *OURS], n=3, cutoff=0.5)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise UserError(f"unknown environment {id!r}{hint}") from error
    except gym.error.Error as error:
        raise UserError(f"{id}: {error}") from error


def _install(error: Exception) -> str:
    for word, extra in EXTRAS.items():
        if word in str(error):
            return f"pip install 'drl-toolkit[{extra}]'"
    return str(error)


def _name(space: Any) -> str:
    return type(space).__name__


def _readable(inner: Any) -> bool:
    return type(inner).__module__.startswith("gymnasium.envs.classic_control")


def _elapsed(env: Any) -> Any:
    """The TimeLimit wrapper around an env, which holds its clock."""
    from gymnasium.wrappers import TimeLimit

    while not isinstance(env, TimeLimit):
        if not hasattr(env, "env"):
            return None
        env = env.env
    return env
