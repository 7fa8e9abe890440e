"""What environments that move all N at once share: the clock, resets, the generator, states."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from drl.action_space import fitted, mask_size
from drl.encoding import Encoder
from drl.environment import NO_INFO, Info, Step
from drl.errors import EnvFailed, UserError
from drl.raised import said
from drl.state import fill
from envs import answers, success
from envs.answers import Wrong
from envs.drawing import no_pictures
from envs.rules import Rules, rules_of

if TYPE_CHECKING:
    from gymnasium.spaces import Space


class NumpyEnv:
    """Base of environments that move all N at once; a class derived from it says what they are.

    observation_space, action_space   of ONE environment, Gymnasium's.  Observations of a Box are
                                      delivered in its shape and dtype; those of another space as
                                      arrays (drl.encoding), of the Box that `observation_space`
                                      then is; `encoder` knows both
    time_limit     agent steps until truncation; 0: none
    frame_stack    images in one observation, along its last axis
    reward_range   of one step, where the rules give it
    fps            agent steps per second at which a person likes to watch
    id             its name; "": the class's

    These are attributes of the class, or set in its `__init__`.  `initial`, `advance`, `observe`
    are its rules; the clock, resets, the generator (`self.rng`) and saved states are here.  State
    is (D, N) float64, a row per quantity: each line of physics is one array operation.  What these
    methods return is looked at and copied: they may give views, and one buffer always.

    fresh      of this very class, not of one derived from it: `advance` and `observe` leave actions
               alone and give new arrays of the right types and shapes, which are then neither
               looked at nor copied (a third of the time of a step of 16)

    num_envs   N
    seed       of the generator
    drawn      `render` will be asked for
    compiled   its loops by numba, where it has some and numba is installed: the same numbers
    settings   other values for attributes of the class, of this object alone: time_limit=100

    TypeError where the class has no attribute of that name; UserError where observations cannot be
    arrays.
    """

    id: str = ""
    observation_space: Space[Any]
    action_space: Space[Any]
    time_limit: int = 0
    frame_stack: int = 1
    reward_range: tuple[float, float] | None = None
    fps: float = 30.0
    fresh: bool = False
    on_end: Callable[[], None] | None = None  # told before environment 0 begins anew

    def __init__(
        self, num_envs: int = 1, seed: int = 0, *, drawn: bool = False, compiled: bool = False,
        **settings: Any,
    ) -> None:  # fmt: skip
        self.num_envs, self.seed, self.drawn, self.compiled = num_envs, seed, drawn, compiled
        self.restarts: list[str] = []
        self.id = self.id or type(self).__name__
        for name, value in settings.items():
            if name.startswith("_") or not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}")
            setattr(self, name, value)
        self.encoder: Encoder | None = None
        self.see()
        self.rng = np.random.default_rng(self.seed)
        self.rows = self._initial(num_envs)
        self.elapsed = np.zeros(num_envs, np.int64)
        self._ready()

    # -- an environment's own ----------------------------------------------------------------------
    def initial(self, count: int) -> np.ndarray:
        """States of `count` new episodes: (D, count)."""
        raise NotImplementedError

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """(D, N), actions (N, *shape) → the next states, rewards (N,), terminated (N,)."""
        raise NotImplementedError

    def observe(self, rows: np.ndarray) -> Any:
        """(D, N) → observations: (N, *shape); of a Dict or Tuple, such arrays in a dict or tuple,
        as Gymnasium batches them."""
        raise NotImplementedError

    def action_masks(self, rows: np.ndarray) -> np.ndarray | None:
        """(D, N) → which actions are allowed: (N, A) bool (drl.action_space); None: all of them,
        always."""
        return None

    def succeeded(self, rows: np.ndarray) -> np.ndarray | None:
        """(D, N), states in which episodes have ended → whether they were a success, (N,) bool;
        None: there is no such thing."""
        return None

    # -- the same for all ---------------------------------------------------------------------
    def see(self) -> None:
        """Observations of a space that is no Box will be arrays.   UserError where they cannot."""
        from gymnasium.spaces import Box

        space = getattr(self, "observation_space", None)
        if space is None or isinstance(space, Box):
            return
        try:
            self.encoder = Encoder(space)
        except UserError as error:
            raise UserError(f"{self.id} {error}") from error
        self.observation_space = self.encoder.space

    @property
    def goal_rules(self) -> Rules | None:
        """What they pay for other goals: by the class's compute_reward(achieved_goal, desired_goal,
        info), and compute_terminated, where it has them; None: it has not."""
        return rules_of(self.id, lambda: self)

    def prepare(self) -> None:
        """Nothing needs to be found out: the state is all here."""

    def reset(self) -> tuple[np.ndarray, Info]:
        """New episodes everywhere: (N, *shape).   EnvFailed where its own methods fail."""
        try:
            self.rows = self._initial(self.num_envs)
            self.elapsed[:] = 0
            self.see()
            self._ready()
            return self._observed(self.rows), self._info()
        except (Exception, SystemExit) as error:
            self._failed(error, "in a reset")

    def step(self, actions: np.ndarray) -> Step:
        """actions (N, *shape), those of the action space; what has ended begins anew in the same
        step."""
        own = fitted(actions, self.action_space, self.num_envs)
        try:
            return self._moved(own)
        except (Exception, SystemExit) as error:
            self._failed(error, "in a step")

    def _moved(self, actions: np.ndarray) -> Step:
        if self._fresh:
            self.rows, reward, terminated = self.advance(self.rows, actions)
            final_obs = self.observe(self.rows)
        else:
            self.rows, paid, over = self.advance(self.rows, actions.copy())
            reward = answers.rewards(paid, self.num_envs)
            terminated = answers.ends(over, self.num_envs, "terminated")
            final_obs = self._observed(self.rows)
        self.elapsed += self._ones
        truncated = self.elapsed >= self._limit
        ended = terminated | truncated
        if True not in ended.tobytes():  # a sixth of the time of `any`
            info = self._info() if self._masked else NO_INFO
            return Step(final_obs, reward, terminated, truncated, final_obs, info)
        (which,) = ended.nonzero()
        if self.on_end is not None and not which[0]:
            self.on_end()
        final, good = self._masks(self.rows), self.succeeded(self.rows[:, which])
        fresh = self._initial(len(which))
        self.rows[:, which] = fresh
        self.elapsed[which] = 0
        obs = final_obs.copy(order="K")  # images lie in memory one after the other
        obs[which] = self._observed(fresh)
        info = self._info(final)
        if good is not None:
            said = dict(zip(which.tolist(), good, strict=True))
            info = {**info, **success.of_some(said, self.num_envs)}
        return Step(obs, reward, terminated, truncated, final_obs, info)

    def _ready(self) -> None:
        limit = self.time_limit or np.iinfo(np.int64).max
        self._ones, self._limit = np.ones(self.num_envs, np.int64), np.array(limit, np.int64)
        self._fresh = bool(vars(type(self)).get("fresh"))
        self._masked = type(self).action_masks is not NumpyEnv.action_masks

    def _info(self, final: np.ndarray | None = None) -> Info:
        """Of the newest observations.   final: masks of the final ones, where episodes ended."""
        masks = self._masks(self.rows)
        if masks is None:
            return NO_INFO
        answers.require_some(masks, self.action_space)
        return {"action_mask": masks} | ({} if final is None else {"final_action_mask": final})

    def _masks(self, rows: np.ndarray) -> np.ndarray | None:
        masks = self.action_masks(rows)
        if masks is None:
            return None
        expected = rows.shape[1], mask_size(self.action_space)
        if masks.shape != expected or masks.dtype != np.bool_:
            raise Wrong(
                f"gave {masks.dtype} of shape {masks.shape} as action masks; expected bool "
                f"{expected}"
            )
        return masks.copy()

    def _initial(self, count: int) -> np.ndarray:
        return np.array(self.initial(count))

    def _observed(self, rows: np.ndarray) -> np.ndarray:
        seen, count = self.observe(rows), rows.shape[1]
        if self.encoder is not None:
            return answers.encoded(self.encoder, seen, count)
        space: Any = self.observation_space
        return answers.observation(seen, (count, *space.shape), space.dtype, space.dtype).copy("K")

    def _failed(self, error: BaseException, when: str) -> NoReturn:
        """What an environment's own methods raised, or answered wrong, in one line."""
        if isinstance(error, UserError):
            raise error
        what = error if isinstance(error, Wrong) else f"failed {when} ({said(error)})"
        raise EnvFailed(f"{self.id} {what}: mend the env") from error

    def state(self) -> dict[str, Any] | None:
        """All that the future depends on."""
        return {
            "rows": self.rows.copy(),
            "elapsed": self.elapsed.copy(),
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError or KeyError where the state is another environment's."""
        fill(self.rows, state["rows"], f"{self.id} rows")
        fill(self.elapsed, state["elapsed"], f"{self.id} elapsed", low=0)
        self.rng.bit_generator.state = state["rng"]

    def render(self) -> np.ndarray:
        """Environment 0: (H, W, 3) uint8.   UserError where the environment does not draw
        itself."""
        raise no_pictures(self.id)

    def close(self) -> None:
        """Nothing is held."""
