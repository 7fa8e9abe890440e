"""Our environments for whoever brings a learner of their own: registered with Gymnasium.

import envs, gymnasium

gymnasium.make("drl/Catch-v0")
gymnasium.make_vec("drl/CartPole-v1", 16, vectorization_mode="vector_entry_point")
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import batch_space

from drl.decoding import decode
from envs.ids import REGISTERED, own_class, register
from envs.numpy_env import NumpyEnv
from envs.rules import row

IDS = tuple(REGISTERED)  # what is told to Gymnasium


def original_space(env: NumpyEnv) -> Any:
    """Of its observations as its class has them."""
    return env.observation_space if env.encoder is None else env.encoder.original


def original(env: NumpyEnv, obs: np.ndarray) -> Any:
    """Observations (N, *shape) of that space."""
    return obs if env.encoder is None else decode(env.encoder, obs)


class Single(gym.Env[Any, Any]):
    """One of our environments as a gym.Env.  The clock is the environment's own (truncated), not a
    wrapper.  One with goals has compute_reward and compute_terminated."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(self, env: str, render_mode: str | None = None) -> None:
        self.env = own_class(REGISTERED[env])(id=env, num_envs=1, seed=0)
        drawn = type(self.env).render is not NumpyEnv.render
        modes = ["rgb_array"] if drawn else []
        self.metadata = {"render_modes": modes, "render_fps": self.env.fps}
        self.observation_space: Any = original_space(self.env)
        self.action_space: Any = self.env.action_space
        self.render_mode = render_mode
        for name in ("compute_reward", "compute_terminated"):
            if hasattr(self.env, name):
                setattr(self, name, getattr(self.env, name))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.env.rng = self.np_random  # one generator for both: the same seed, the same env
        obs, info = self.env.reset()
        return self._own(obs), {name: rows[0] for name, rows in info.items()}

    def _own(self, obs: np.ndarray) -> Any:
        return row(original(self.env, obs), 0)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        moved = self.env.step(np.array([action]))
        info = {}
        if "action_mask" in moved.info:  # of the final observation, where the episode has ended
            masks = moved.info.get("final_action_mask", moved.info["action_mask"])
            info = {"action_mask": masks[0]}
        if (success := moved.success) is not None:
            info["is_success"] = bool(success[0])
        return (
            self._own(moved.final_obs), float(moved.reward[0]), bool(moved.terminated[0]),
            bool(moved.truncated[0]), info,
        )  # fmt: skip

    def render(self) -> np.ndarray | None:
        return self.env.render() if self.render_mode == "rgb_array" else None


class Vector(gym.vector.VectorEnv[Any, np.ndarray, np.ndarray]):
    """N of our environments as a gym.vector.VectorEnv, reset within the step that ends them.

    compiled  their loops by numba, where it is installed: who brings a learner means many steps
    """

    metadata = {"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP}

    def __init__(self, env: str, num_envs: int = 1, compiled: bool = True) -> None:
        self.env = own_class(REGISTERED[env])(id=env, num_envs=num_envs, seed=0, compiled=compiled)
        self.num_envs = num_envs
        self.single_observation_space: Any = original_space(self.env)
        self.single_action_space: Any = self.env.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:  # fmt: skip
        super().reset(seed=seed)
        if seed is not None:
            self.env.rng = self.np_random
        obs, info = self.env.reset()
        return original(self.env, obs), dict(info)

    def step(
        self, actions: np.ndarray
    ) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        moved = self.env.step(actions)
        ended = moved.terminated | moved.truncated
        info: dict[str, Any] = dict(moved.info)
        final: dict[str, Any] = {}
        if (masks := info.pop("final_action_mask", None)) is not None:
            final = {"action_mask": masks, "_action_mask": ended}
        if (success := info.pop("is_success", None)) is not None:
            final |= {"is_success": success == 1, "_is_success": ended}
        if ended.any():
            info |= {"final_obs": original(self.env, moved.final_obs), "_final_obs": ended}
            info |= {"final_info": final, "_final_info": ended}
        obs = original(self.env, moved.obs)
        return obs, moved.reward, moved.terminated, moved.truncated, info


register()
