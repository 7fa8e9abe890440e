"""N of Gymnasium's environments, guarded: wrong answers are named, an environment that fails is
restarted."""

from __future__ import annotations

import contextlib
import math
import warnings
import weakref
from collections.abc import Callable
from typing import Any, get_args

import numpy as np

from drl.action_space import fitted, kind_of_actions, one_by_one
from drl.board import Board
from drl.encoding import Encoder, Seen, not_finite
from drl.environment import NO_INFO, Info, Step
from drl.errors import EnvFailed, EnvWarning, NotRepeated, UserError
from drl.leaves import delivered
from drl.raised import alike
from drl.state import fill, whole
from envs import success
from envs.alarm import Alarm
from envs.answers import NOT_FINITE
from envs.boards import boards_of
from envs.drawing import rendered
from envs.guarded import Failed, GivenAgain, Guarded
from envs.ids import called, own_name
from envs.keeping import keeps_statistics
from envs.masks import gathered
from envs.own_state import load_own_state, own_state, tells_state
from envs.repeat import Episode, Way, begin, find_way, play_again
from envs.rules import Rules, rules_of

STEP_SECONDS = 60.0  # an environment that takes longer in one step, or one reset, hangs
MOST_RESTARTS = 10  # of all environments together, then the run ends
LOST = "it was restarted, its episode is lost"
OPEN: weakref.WeakSet[GymVector] = weakref.WeakSet()  # those that nobody has closed yet


class GymVector:
    """N environments of Gymnasium's kind, one after the other in this process, each with its own
    seed.

    id     their name; None: the env's own
    build  makes one of them: a gym.Env with Discrete, MultiDiscrete, MultiBinary or Box actions,
           whose observations can be arrays (drl.encoding)
    owned  they are closed with this; False: whoever made the env closes it
    first  number of the first of them, where others come before it in other processes

    An episode's end and the reset that follows are one step (SAME_STEP).  Observations are
    delivered as `encoder` makes them: float64 as float32, Discrete as one-hot.  What no env may
    answer (NaN, wrong shapes and types, rewards that are no number) is the env's mistake: EnvFailed
    names it, with the environment it came from, before it can reach a network.  An environment that
    raises, or hangs for STEP_SECONDS, each with a clock of its own, is restarted with an EnvWarning
    and its episode is lost (`Step.invalid`), MOST_RESTARTS times in all; then the exception is the
    env's mistake too, as it is in a first reset.

    Where each of them says which actions are allowed (info["action_mask"], or action_masks()),
    `info` has "action_mask" (N, A) bool, and "final_action_mask" in a step that ends an episode:
    of the final observations, as `final_obs` is.

    Its state is how each episode under way began, and the actions since: `load_state` plays them
    again (envs.repeat), in the way that `find_way` has found.  An env with `state()` and
    `load_state(state)` of its own is asked instead.
    """

    frame_stack = 1
    reward_range: tuple[float, float] | None = None  # Gymnasium's environments do not tell
    on_end: Callable[[], None] | None = None  # told before environment 0 begins anew

    def __init__(
        self, id: str | None, num_envs: int, seed: int, build: Callable[[], Any],
        owned: bool = True, first: int = 0,
    ) -> None:  # fmt: skip
        self.owned, self.first = owned, first
        self.num_envs, self.seed, self.build = num_envs, seed, build
        self.clock = Alarm(STEP_SECONDS)
        self.encoder: Encoder | None = None
        self.envs: list[Guarded] = []
        try:
            with self.clock:
                for _ in range(num_envs):
                    self._add(id or called(build))
        except BaseException:
            self.close()
            raise
        made = self.envs
        self.id = id or own_name(made[0].env)
        for i, env in enumerate(made):
            env.name = f"{self.id} (environment {first + i})"
        self.fps = _fps(made[0].env)
        self.restarts: list[str] = []
        self.failed = False  # in the middle of a step: nobody knows the state
        self.action_space: Any = made[0].action_space
        try:
            kind_of_actions(self.action_space)
        except UserError as error:
            raise UserError(f"{self.id} {error}") from error
        self.see(None)
        seeds = np.random.SeedSequence(seed).generate_state(first + num_envs)[first:]
        self.seeds = [int(s) for s in seeds]
        self.way: Way | None = "generator"  # how episodes can be played again
        self.episodes: list[Episode | None] = [None] * num_envs  # under way
        self.begun = np.zeros(num_envs, np.int64)  # episodes of each env
        self.masked = False  # all of them say which actions are allowed

    def see(self, channels: Seen) -> None:
        """Whether pictures have their channels first or last; None: found by shape.  Before the
        first reset.

        as they are  a Box keeps its shape, whatever it may be a picture of

        UserError where observations cannot be arrays.
        """
        from gymnasium.spaces import Box

        space = self.envs[0].observation_space
        try:
            if channels != "as they are":
                self.encoder = Encoder(space, channels)
            elif isinstance(space, Box):
                self.encoder = Encoder(delivered(space), turned=False)
        except UserError as error:
            raise UserError(f"{self.id} {error}") from error
        assert self.encoder is not None
        self.observation_space: Any = self.encoder.space
        for env in self.envs:
            self._encode(env)
        self.obs = self._empty()  # the newest

    def _encode(self, env: Guarded) -> Guarded:
        encoder = self.encoder
        env.encoder = None if encoder is None or encoder.plain else encoder
        return env

    @property
    def keep_statistics(self) -> list[str]:
        """Names of the wrappers that do, around the first of them."""
        return keeps_statistics(self.envs[0].env)

    @property
    def goal_rules(self) -> Rules | None:
        """What they pay for other goals; None: they have no compute_reward."""
        return rules_of(self.id, lambda: self.envs[0].env)

    def prepare(self) -> None:
        """Try out how episodes can be played again."""
        if any(tells_state(env) for env in self._raw()):
            return
        with self.clock:
            self.way = find_way(self._made, self._empty(), self.seed)

    def _add(self, name: str) -> None:
        """One more.  EnvFailed where it cannot be made."""
        try:
            env = self._made(name)
        except Failed as error:
            others = self._others() + len(self.envs)
            alone = (
                f" while {others} other(s) were open: where only one may be, give `num_envs=1` and "
                "`eval_envs=0`; else"
            )
            text = str(error.__cause__) if isinstance(error.__cause__, TypeError) else ""
            if "missing" in text and "required" in text:
                settings = "give them as `env_kwargs`, or a function that makes the env"
                raise EnvFailed(f"{error}: it has settings; {settings}") from error
            raise EnvFailed(f"{error}{alone if others else ':'} mend the env") from error
        self.envs.append(env)
        OPEN.add(self)

    def _others(self) -> int:
        """Environments that are open besides these."""
        return sum(vector.num_envs for vector in OPEN if vector is not self)

    def _made(self, name: str | None = None, instead: int | None = None) -> Guarded:
        """A new one, perhaps in place of env `instead`.  GivenAgain where it is one of the open."""
        env = Guarded(name or self.id, self.build, self.clock)
        others = [other for vector in OPEN if vector is not self for other in vector.envs]
        others += [other for i, other in enumerate(self.envs) if i != instead]
        if any(env.inner is other.inner for other in others):
            raise GivenAgain(
                f"{env.name} is made once and given again and again: give a function that makes a "
                "new environment each time (`num_envs=1` and `eval_envs=0` need only one)"
            )
        return self._encode(env)

    def reset(self) -> tuple[np.ndarray, Info]:
        """New episodes everywhere: (N, *shape).  The first is seeded, later ones go on."""
        obs = self._empty()
        with self.clock:
            for i in range(self.num_envs):
                try:
                    self._begin(i, obs)
                except Failed as error:
                    raise EnvFailed(f"{error}: mend the env") from error
        self.obs, self.failed = self._finite(obs), False
        self.masked = all(env.mask() is not None for env in self.envs)
        return obs, self._info({})

    def _begin(self, i: int, obs: np.ndarray) -> None:
        """A new episode of env i; obs[i] ← its first observation."""
        seed: int | None = None
        if not self.begun[i]:
            seed = self.seeds[i]
        elif self.way != "generator":
            key = [self.seed, self.first + i, 1, int(self.begun[i])]
            stream = np.random.SeedSequence(key)
            seed = int(stream.generate_state(1)[0])
        if self.way == "instance" and self.begun[i]:
            self.envs[i].close()
            self.envs[i] = self._made(self.envs[i].name, i)
        self.begun[i] += 1
        self.episodes[i] = begin(self.envs[i], self.way or "seed", seed, obs, i)

    def step(self, actions: np.ndarray) -> Step:
        """actions (N, *shape), those of the env's own space.   EnvFailed for the env's mistakes,
        named."""
        own = one_by_one(fitted(actions, self.action_space, self.num_envs), self.action_space)
        self.failed = True
        obs, reward = self._empty(), np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        final_obs = obs
        invalid: np.ndarray | None = None
        last: dict[int, np.ndarray | None] = {}  # masks of the episodes' ends
        succeeded: dict[int, float] = {}
        with self.clock:
            for i, action in enumerate(own):
                env = self.envs[i]
                try:
                    gained, over, cut = env.step(action, obs, i)
                    if final_obs is not obs:
                        final_obs[i] = obs[i]  # the true next observation
                    elif over or cut:
                        final_obs = obs.copy()
                    episode = self.episodes[i]
                    if episode is not None:
                        episode.actions.append(action)
                        episode.reward += gained
                    if over or cut:
                        if self.masked:
                            last[i] = env.mask(over=True)
                        if (said := success.of_one(env.info)) is not None:
                            succeeded[i] = said
                        if self.on_end is not None and not i:
                            self.on_end()
                        self._begin(i, obs)
                    reward[i], terminated[i], truncated[i] = gained, over, cut
                except Failed as error:
                    if invalid is None:
                        invalid = np.zeros(self.num_envs, bool)
                    invalid[i] = True
                    self._restart(i, error, obs)
                    if final_obs is not obs:
                        final_obs[i] = obs[i]
        self._finite(obs)
        if final_obs is not obs:
            self._finite(final_obs)
        self.failed, self.obs = False, obs
        info = self._info(last)
        if succeeded:
            info = {**info, **success.of_some(succeeded, self.num_envs)}
        return Step(obs, reward, terminated, truncated, final_obs, info, invalid)

    def _info(self, last: dict[int, np.ndarray | None]) -> Info:
        return gathered(self.envs, last) if self.masked else NO_INFO

    def _restart(self, i: int, what: Failed, obs: np.ndarray) -> None:
        """Environment i restarted; obs[i] ← the first observation of its new episode."""
        number = self._noted(str(what), what)
        self.envs[i].close()
        stream = np.random.SeedSequence([self.seed, self.first + i, number])
        try:
            self.envs[i] = self._made(self.envs[i].name, i)
            seed = int(stream.generate_state(1)[0])
            self.episodes[i] = begin(self.envs[i], self.way or "seed", seed, obs, i)
        except Failed as again:
            raise EnvFailed(
                f"{what} and cannot be restarted ({again.why}): mend the env"
            ) from again

    def _noted(self, what: str, error: Failed) -> int:
        """How many have failed by now."""
        try:
            return noted(self.restarts, what, LOST, error.trace)
        except EnvFailed as enough:
            raise enough from error

    def _empty(self) -> np.ndarray:
        space = self.observation_space
        return np.empty((self.num_envs, *space.shape), space.dtype)

    def _finite(self, obs: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # a sum may overflow, ∞ − ∞ is NaN
            right = obs.dtype != np.float32 or np.isfinite(obs.sum())
        found = None if right else not_finite(obs, self.encoder)  # None: the sum alone is beyond
        if found is not None:
            name = self.envs[found[0]].name
            raise EnvFailed(f"{name} gave {NOT_FINITE} ({found[1]}): mend the env")
        return obs

    def state(self) -> dict[str, Any] | None:
        """How each episode under way began, and the actions since; None where that does not lead
        to where it is, or nobody knows."""
        saved = {}
        if self.failed or self.way is None:
            return None
        for i, env in enumerate(self._raw()):
            episode = self.episodes[i]
            if episode is None:
                return None
            own = own_state(env) if tells_state(env) else None
            if own is None and episode.seed is None and episode.generator is None:
                return None  # it went on from a generator that is none of numpy's
            record = episode if own is None else Episode(episode.way, episode.seed or 0)
            saved[str(self.first + i)] = {
                "episode": record.state(self.action_space), "own": own, "begun": int(self.begun[i]),
            }  # fmt: skip
        return {"way": self.way, "envs": saved, "obs": self.obs.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Every episode under way is played again.

        NotRepeated where an env does not come out where it was; ValueError or KeyError where the
        state is another env's.
        """
        obs = self._empty()
        fill(obs, state["obs"], f"{self.id} observations")
        if state["way"] not in get_args(Way):
            raise ValueError(f"no way to play an episode again: {state['way']!r:.40}")
        self.obs, self.way = obs, state["way"]
        seen, masked = self._empty(), True
        self.failed = False
        with self.clock:
            for i in range(self.num_envs):
                saved = state["envs"][str(self.first + i)]
                episode = Episode.from_state(saved["episode"], self.action_space)
                self.begun[i] = whole(saved, "begun", 1)
                self.episodes[i] = episode
                if self.way == "instance":
                    self.envs[i].close()
                    self.envs[i] = self._made(self.envs[i].name, i)
                try:
                    total = play_again(self.envs[i], episode, seen, i)
                    masked &= self.envs[i].mask(over=True) is not None
                except Failed as error:
                    raise NotRepeated(f"{error} when its episode was played again") from error
                if saved["own"] is not None:
                    load_own_state(self.envs[i].env, saved["own"])
                elif total != episode.reward or seen[i].tobytes() != obs[i].tobytes():
                    raise NotRepeated(
                        f"{self.envs[i].name} does not repeat itself: after the same start and the "
                        f"same {len(episode.actions)} actions it is elsewhere"
                    )
        self.masked = masked

    @property
    def boards(self) -> tuple[Board, ...]:
        """Those that their states lie on, for pictures."""
        return boards_of(self.envs[0].env)

    def render(self) -> np.ndarray:
        """Environment 0: (H, W, 3) uint8.   UserError where it was not made to be drawn."""
        return rendered(self.envs[0].env, self.id)

    def close(self) -> None:
        """Close each of them; EnvWarning where one raises or hangs."""
        OPEN.discard(self)
        if not self.owned:
            return
        with self.clock:
            for env in self.envs:
                env.close()

    def _raw(self) -> list[Any]:
        return [env.env for env in self.envs]


def noted(restarts: list[str], what: str, lost: str, trace: str = "") -> int:
    """One more entry of `restarts`; how many there are.  The first of its kind is an EnvWarning,
    those like it, of whichever environment, are counted.

    lost   what has been done about it
    trace  the traceback of what was raised

    EnvFailed where there are MOST_RESTARTS already.
    """
    if len(restarts) >= MOST_RESTARTS:
        enough = EnvFailed(
            f"{what}, after {MOST_RESTARTS} such failures that were mended by a restart: mend "
            "the env"
        )
        enough.trace = trace
        raise enough
    known = alike(what) in map(alike, restarts)
    restarts.append(what)
    if not known:
        text = (
            f"{what}; {lost} (restart {len(restarts)} of at most {MOST_RESTARTS}; the same again "
            "is counted)"
        )
        warnings.warn(EnvWarning(text, trace), stacklevel=4)
    return len(restarts)


def _fps(env: Any) -> float:
    """Of its images; where it does not say, 30."""
    with contextlib.suppress(Exception):
        fps = float(env.metadata["render_fps"])
        return fps if 0 < fps < math.inf else 30.0
    return 30.0
