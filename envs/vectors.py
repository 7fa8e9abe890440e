"""Environments side by side of a user's own, whatever their observations are, and Gymnasium's
classes of them, as the contract has them (drl.environment)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from drl.action_space import fitted, kind_of_actions, mask_size
from drl.closing import close
from drl.encoding import Encoder
from drl.environment import NO_INFO, Info, Step, VectorEnv
from drl.errors import EnvFailed, UserError
from drl.raised import said
from envs import answers, success
from envs.answers import Wrong
from envs.drawing import coloured, no_pictures
from envs.numpy_env import NumpyEnv
from envs.rules import Rules, rules_of, through


def arrays(envs: VectorEnv) -> VectorEnv:
    """The same, whose observations are arrays of a Box.   UserError where they cannot be."""
    from gymnasium.spaces import Box

    if isinstance(envs, NumpyEnv):
        envs.see()
    if isinstance(envs.observation_space, Box):
        return envs
    try:
        return Encoded(envs, Encoder(envs.observation_space))
    except UserError as error:
        close(envs)
        raise UserError(f"{envs.id} {error}") from error


class Encoded:
    """Environments of a user's own class whose observations are encoded; all else is theirs."""

    def __init__(self, envs: VectorEnv, encoder: Encoder) -> None:
        self.envs, self.encoder = envs, encoder
        self.observation_space: Any = encoder.space

    def __getattr__(self, name: str) -> Any:
        if name == "envs":  # there is none yet, or no more
            raise AttributeError(name)
        return getattr(self.envs, name)

    @property
    def restarts(self) -> list[str]:
        """Theirs."""
        return self.envs.restarts

    @restarts.setter
    def restarts(self, counted: list[str]) -> None:
        self.envs.restarts = counted

    @property
    def on_end(self) -> Any:
        """Theirs, where they have it."""
        return self.envs.on_end  # type: ignore[attr-defined]

    @on_end.setter
    def on_end(self, told: Callable[[], None]) -> None:
        self.envs.on_end = told  # type: ignore[attr-defined]

    @property
    def goal_rules(self) -> Rules | None:
        """What they pay for other goals; None: they have no compute_reward."""
        return rules_of(self.envs.id, lambda: self.envs)

    def reset(self) -> tuple[np.ndarray, Info]:
        """New episodes everywhere."""
        obs, info = self.envs.reset()
        return self._encoded(obs), info

    def step(self, actions: np.ndarray) -> Step:
        """Theirs, with arrays."""
        moved = self.envs.step(actions)
        obs = self._encoded(moved.obs)
        same = moved.final_obs is moved.obs
        return moved._replace(obs=obs, final_obs=obs if same else self._encoded(moved.final_obs))

    def _encoded(self, obs: Any) -> np.ndarray:
        try:
            return answers.encoded(self.encoder, obs, self.envs.num_envs)
        except Wrong as wrong:
            raise EnvFailed(f"{self.envs.id} {wrong}: mend the env") from wrong


class GymnasiumVector:
    """A gymnasium.vector.VectorEnv as environments side by side.

    id     its name; None: that of its spec, else of its class
    build  makes it; it has num_envs environments already
    seed   of its first reset

    It must begin a new episode in the step that ends one (AutoresetMode.SAME_STEP, with
    infos["final_obs"]), or leave that to reset(options={"reset_mask": …}) (DISABLED).  Masks are
    infos["action_mask"], (N, A).  Its state is that of its own `state()` and `load_state(state)`,
    where it has them; else a resumed run begins new episodes.

    UserError for another mode, or observations that cannot be arrays; EnvFailed for what it answers
    wrong.
    """

    frame_stack = 1
    reward_range: tuple[float, float] | None = None
    on_end: Callable[[], None] | None = None  # told before environment 0 begins anew

    def __init__(self, id: str | None, build: Callable[[], Any], num_envs: int, seed: int) -> None:
        from gymnasium.vector import AutoresetMode

        self.env, self.seed = build(), seed
        spec = getattr(self.env, "spec", None)
        self.id = id or (type(self.env).__name__ if spec is None else str(spec.id))
        self.num_envs, self.restarts = num_envs, list[str]()
        self.action_space: Any = self.env.single_action_space
        mode = self.env.metadata.get("autoreset_mode")
        self.anew = mode == AutoresetMode.DISABLED
        try:
            if self.env.num_envs != num_envs:
                raise UserError(f"has {self.env.num_envs} environments; asked for: {num_envs}")
            if not self.anew and mode != AutoresetMode.SAME_STEP:
                name = mode.name if isinstance(mode, AutoresetMode) else mode
                raise UserError(
                    f"says autoreset_mode {name} in its metadata; expected SAME_STEP, a new "
                    "episode in the step that ends one, or DISABLED, one in reset(options="
                    "{'reset_mask': …})"
                )
            kind_of_actions(self.action_space)
            self.encoder = Encoder(self.env.single_observation_space)
        except UserError as error:
            close(self.env)
            raise UserError(f"{self.id} {error}") from error
        self.observation_space: Any = self.encoder.space
        fps = self.env.metadata.get("render_fps")
        self.fps = float(fps) if isinstance(fps, int | float) and fps > 0 else 30.0
        self.begun = False

    @property
    def goal_rules(self) -> Rules | None:
        """What they pay for other goals: by its own compute_reward, else by that of the first of
        its `envs`; None: neither has one."""
        own = through(self.env, "compute_reward") is not None or not hasattr(self.env, "envs")
        return rules_of(self.id, lambda: self.env if own else self.env.envs[0])

    def prepare(self) -> None:
        """Nothing is tried out."""

    def reset(self) -> tuple[np.ndarray, Info]:
        """New episodes everywhere; the first are seeded."""
        try:
            obs, info = self.env.reset(**({} if self.begun else {"seed": self.seed}))
            self.begun = True
            return self._seen(obs), self._info(self._mask(info))
        except (Exception, SystemExit) as error:
            self._failed(error, "in a reset")

    def step(self, actions: np.ndarray) -> Step:
        """One step of all; what has ended begins anew in it."""
        own = fitted(actions, self.action_space, self.num_envs)
        try:
            return self._moved(*answers.of_step(self.env.step(own.copy())))
        except (Exception, SystemExit) as error:
            self._failed(error, "in a step")

    def _moved(self, seen: Any, paid: Any, over: Any, cut: Any, told: Any) -> Step:
        obs = final_obs = self._seen(seen)
        reward = answers.rewards(paid, self.num_envs)
        if not np.isfinite(reward).all():
            raise Wrong(f"gave the reward {reward[~np.isfinite(reward)][0]}")
        terminated = answers.ends(over, self.num_envs, "terminated")
        truncated = answers.ends(cut, self.num_envs, "truncated")
        ended, mask = terminated | truncated, self._mask(told)
        final, said = mask, told
        if ended.any() and self.anew:
            if self.on_end is not None and ended[0]:
                self.on_end()
            begun, now = self.env.reset(options={"reset_mask": ended})
            obs, mask = _where(ended, self._seen(begun), obs), _where(ended, self._mask(now), mask)
        elif ended.any():
            final_obs, said = self._final_obs(obs, told, ended), told.get("final_info", {})
            final = _where(ended, self._mask(said), mask)
        info = self._info(mask, final)
        if ended.any() and (found := success.of_all(said, ended)):
            info = {**info, **found}
        return Step(obs, reward, terminated, truncated, final_obs, info)

    def _seen(self, obs: Any) -> np.ndarray:
        return answers.encoded(self.encoder, obs, self.num_envs)

    def _final_obs(self, obs: np.ndarray, info: Any, ended: np.ndarray) -> np.ndarray:
        """The true next observations, of which infos["final_obs"] has those of what ended: batched,
        or one by one in an array of objects, as Gymnasium's own."""
        final = info.get("final_obs")
        if final is None:
            raise Wrong("gave no final_obs in the infos of a step that ended episodes")
        whole = obs.copy()
        if isinstance(final, np.ndarray) and final.dtype == np.object_:
            for i in np.flatnonzero(ended):
                whole[i] = self.encoder.encode_batch(final[i])[0][0]
            answers.finite(self.encoder, whole)
        else:
            whole[ended] = self._seen(final)[ended]
        return whole

    def _mask(self, told: Any) -> np.ndarray | None:
        given = told.get("action_mask") if isinstance(told, Mapping) else None
        if given is None:
            return None
        mask, shape = np.asarray(given), (self.num_envs, mask_size(self.action_space))
        if mask.shape != shape or mask.dtype.kind not in "biu":
            found = f"{mask.dtype} of shape {mask.shape}"
            raise Wrong(f"gave {found} as action masks; expected 0 and 1 of shape {shape}")
        return mask.astype(np.bool_)

    def _info(self, mask: np.ndarray | None, final: np.ndarray | None = None) -> Info:
        if mask is None:
            return NO_INFO
        answers.require_some(mask, self.action_space)
        return {"action_mask": mask} | ({} if final is None else {"final_action_mask": final})

    def state(self) -> dict[str, Any] | None:
        """Its own; None where it tells none."""
        if not (hasattr(self.env, "state") and hasattr(self.env, "load_state")):
            return None
        return {"own": self.env.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Of its own."""
        self.env.load_state(state["own"])
        self.begun = True

    def render(self) -> np.ndarray:
        """Environment 0."""
        drawn = self.env.render()
        if drawn is None or not len(drawn):
            raise no_pictures(self.id)
        try:
            return coloured(drawn[0])
        except (ValueError, TypeError) as error:
            raise UserError(f"{self.id}'s render() gave {error}: mend the env") from error

    def close(self) -> None:
        """What it holds."""
        self.env.close()

    def _failed(self, error: BaseException, when: str) -> NoReturn:
        """What it raised, or answered wrong, in one line."""
        if isinstance(error, UserError):
            raise error
        what = error if isinstance(error, Wrong) else f"failed {when} ({said(error)})"
        raise EnvFailed(f"{self.id} {what}: mend the env") from error


def _where(ended: np.ndarray, new: Any, old: Any) -> Any:
    """Rows of `new` where an episode has ended; None where there are none."""
    if new is None or old is None:
        return old
    return np.where(ended.reshape(-1, *[1] * (old.ndim - 1)), new, old)
