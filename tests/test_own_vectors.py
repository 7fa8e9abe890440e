"""Environments side by side of a user's own, with observations of any space."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from gymnasium.vector import AutoresetMode, VectorEnv

from drl import Callback, load_run, train
from drl.api import examine
from drl.errors import EnvFailed, UserError
from drl.spaces import same
from envs import CartPole, NumpyEnv, source

QUICK: dict[str, Any] = dict(
    learning_starts=100, hidden=(8,), eval_every=400, eval_episodes=2, progress=False
)


class Stop(Callback):
    """In the middle of episodes."""

    def on_step(self, experiment: Any, progress: Any) -> bool:
        return bool(progress.step < 444)


class Ring(NumpyEnv):
    """Seven places in a ring; the right one pays.  Rows: the place.  Actions: back, on."""

    observation_space: Any = Discrete(7, start=2)
    action_space = Discrete(2)
    time_limit = 9

    def initial(self, count: int) -> np.ndarray:
        return self.rng.integers(7, size=(1, count)).astype(float)

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        rows = (rows + 2 * actions - 1) % 7
        return rows, (rows[0] == 3).astype(float), rows[0] == 0

    def observe(self, rows: np.ndarray) -> Any:
        return rows[0].astype(np.int64) + 2


class Masked(Ring):
    """A Dict with a picture, a Tuple and numbers; at place 1 one may only go on."""

    observation_space: Any = Dict({
        "eye": Box(0, 255, (4, 5, 3), np.uint8),
        "at": Tuple((Discrete(7), MultiBinary(3))),
        "pair": MultiDiscrete([7, 2]),
    })  # fmt: skip

    def observe(self, rows: np.ndarray) -> Any:
        place = rows[0].astype(np.int64)
        eye = np.zeros((len(place), 4, 5, 3), np.uint8)
        eye[:, 1, 2, 0] = 30 * place
        bits = (place[:, None] >> np.arange(3)) & 1
        return {"eye": eye, "at": (place, bits), "pair": np.stack([place, place % 2], axis=1)}

    def action_masks(self, rows: np.ndarray) -> np.ndarray:
        return np.stack([rows[0] != 1, np.ones(rows.shape[1], bool)], axis=1)


def test_a_discrete_one_is_one_hot() -> None:
    env = Ring(num_envs=5, seed=1)
    obs, _ = env.reset()
    assert env.observation_space == Box(0, 1, (7,), np.float32) and env.encoder is not None
    assert env.encoder.original == Discrete(7, start=2)
    for _ in range(30):
        step = env.step(np.ones(5, int))
        assert step.obs.dtype == np.float32
        assert (step.obs.argmax(axis=1) == env.rows[0]).all() and (step.obs.sum(axis=1) == 1).all()
        ended = step.terminated | step.truncated
        assert (step.final_obs[~ended] == step.obs[~ended]).all()
        assert (step.final_obs[step.terminated].argmax(axis=1) == 0).all()


def test_dicts_lie_in_one_vector_numbers_first() -> None:
    env = Masked(num_envs=3, seed=1)
    obs, info = env.reset()
    for i, place in enumerate(env.rows[0].astype(int)):
        bits = [place >> k & 1 for k in range(3)]
        onehot, pair = np.eye(7)[place], [*np.eye(7)[place], *np.eye(2)[place % 2]]
        eye = np.zeros((4, 5, 3))
        eye[1, 2, 0] = 30 * place
        assert obs[i].tolist() == [*onehot, *bits, *pair, *eye.ravel()]
        assert info["action_mask"][i].tolist() == [place != 1, True]


@pytest.mark.parametrize("env", [Ring, Masked])
def test_they_train_and_resume_to_the_bit(env: type[NumpyEnv], tmp_path: Path) -> None:
    whole = train("dqn", env, run=tmp_path / "whole", steps=800, num_envs=4, seed=3, **QUICK)
    half = tmp_path / "half"
    train("dqn", env, run=half, steps=800, num_envs=4, seed=3, callbacks=[Stop()], **QUICK)
    halved = load_run(half).resume(steps=800, progress=False)
    assert whole.agent.updates == halved.agent.updates > 100
    assert (whole.net.params == halved.net.params).all()
    assert same(whole.policy.encoder.original, env.observation_space)
    raw = env(num_envs=2).observe(np.array([[3.0, 1.0]]))
    assert whole.policy(raw, np.array([[True, True], [False, True]])).tolist()[1] == 1


def test_what_is_no_batch_is_named() -> None:
    class Alone(Ring):
        def observe(self, rows: np.ndarray) -> Any:
            return 3

    class Beyond(Ring):
        def observe(self, rows: np.ndarray) -> Any:
            return super().observe(rows) + 7

    with pytest.raises(EnvFailed, match="Alone gave one observation; expected 2, batched"):
        Alone(num_envs=2).reset()
    with pytest.raises(EnvFailed, match="Beyond gave .* in an observation; its space says Disc"):
        Beyond(num_envs=2).reset()
    with pytest.raises(UserError, match="Odd has Text.* observations: expected"):
        type("Odd", (Ring,), {"observation_space": spaces.Text(5)})()


def test_a_class_derived_from_ours_may_give_one_buffer() -> None:
    """CartPole's own arrays are not copied, for they are new; nobody else's are trusted so."""

    class Kept(CartPole):
        seen = np.zeros((2, 4), np.float32)

        def observe(self, rows: np.ndarray) -> np.ndarray:
            self.seen[: rows.shape[1]] = rows.T
            return self.seen[: rows.shape[1]]

    ours, kept = CartPole(num_envs=2, seed=1), Kept(num_envs=2, seed=1)
    ours.reset(), kept.reset()
    steps = [(ours.step(np.ones(2, int)), kept.step(np.ones(2, int))) for _ in range(20)]
    for a, b in steps:
        assert np.array_equal(a.obs, b.obs) and np.array_equal(a.final_obs, b.final_obs)


class Pair(VectorEnv):
    """Ring, as Gymnasium has such classes.   mode: how episodes begin anew."""

    def __init__(self, num_envs: int, mode: str = "SAME_STEP", one_by_one: bool = False) -> None:
        self.num_envs, self.one_by_one = num_envs, one_by_one
        self.metadata = {"autoreset_mode": AutoresetMode[mode]}
        self.ring = Masked(num_envs=num_envs)
        self.single_observation_space: Any = Masked.observation_space
        self.single_action_space: Any = Discrete(2)

    def seen(self) -> Any:
        return self.ring.observe(self.ring.rows)

    def told(self) -> dict[str, Any]:
        return {"action_mask": self.ring.action_masks(self.ring.rows).astype(np.int8)}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        if seed is not None:
            self.ring.rng = np.random.default_rng(seed)
        if options is None:
            self.ring.reset()
        else:
            which = options["reset_mask"]
            self.ring.rows[:, which] = self.ring.initial(int(which.sum()))
            self.ring.elapsed[which] = 0
        return self.seen(), self.told()

    def step(self, actions: Any) -> Any:
        ring = self.ring
        ring.rows, paid, over = ring.advance(ring.rows, actions)
        ring.elapsed += 1
        cut = ring.elapsed >= ring.time_limit
        ended = over | cut
        final, told = self.seen(), self.told()
        if self.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP and ended.any():
            final_info = self.told()
            if self.one_by_one:
                each = [*gym.vector.utils.iterate(self.observation_space_of(), final)]
                final = np.array([*each, None], dtype=object)[:-1]
            self.reset(options={"reset_mask": ended})
            told = self.told() | {"final_obs": final, "_final_obs": ended}
            told |= {"final_info": final_info, "_final_info": ended}
            return self.seen(), paid, over, cut, told
        return final, paid, over, cut, told

    def observation_space_of(self) -> Any:
        return gym.vector.utils.batch_space(self.single_observation_space, self.num_envs)


@pytest.mark.parametrize(
    "kwargs", [{}, {"one_by_one": True}, {"mode": "DISABLED"}], ids=["same", "objects", "disabled"]
)
def test_gymnasiums_classes_are_stepped_as_ours(kwargs: dict[str, Any]) -> None:
    """The same numbers as Masked, which they hold, in any way to begin anew."""
    theirs = source(Pair, kwargs)(num_envs=3, seed=5)
    ours = Masked(num_envs=3, seed=5)
    ours.rng = np.random.default_rng(5)
    rng = np.random.default_rng(0)
    pairs = [(theirs.reset(), ours.reset())]
    assert np.array_equal(pairs[0][0][0], pairs[0][1][0])
    for _ in range(60):
        actions = rng.integers(2, size=3)
        a, b = theirs.step(actions), ours.step(actions)
        for x, y in zip(a[:5], b[:5], strict=True):
            assert np.array_equal(x, y)
        assert np.array_equal(a.mask, b.mask) and np.array_equal(a.final_mask, b.final_mask)
    trained = train("dqn", Pair, env_kwargs=kwargs, steps=300, num_envs=3, **QUICK)
    assert trained.agent.updates > 50 and trained.policy.encoder.parts[0].name == "at.0"


def test_the_doctor_says_whether_a_class_tells_its_state() -> None:
    for env, verdict in ((Masked, "ok"), (Pair, "look")):
        (found,) = examine._again(source(env), 1)
        assert (found.mark, found.name) == (verdict, "repeats by replay")


def test_a_class_that_begins_anew_a_step_later_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"Pair says autoreset_mode NEXT_STEP .*; expected SAME"):
        train("dqn", Pair, env_kwargs={"mode": "NEXT_STEP"}, steps=10, progress=False)


class Own:
    """The contract, without NumpyEnv: observations are tuples."""

    id, frame_stack, reward_range, fps = "Own", 1, None, 30.0
    observation_space: Any = Tuple((Discrete(7, start=2), Box(-1, 1, (2,), np.float64)))
    action_space = Discrete(2)

    def __init__(self, num_envs: int, seed: int) -> None:
        self.ring, self.num_envs, self.restarts = Ring(num_envs, seed), num_envs, list[str]()

    def pair(self, obs: np.ndarray) -> Any:
        return obs.argmax(axis=1) + 2, obs[:, :2] / 2

    def reset(self) -> Any:
        obs, info = self.ring.reset()
        return self.pair(obs), info

    def step(self, actions: np.ndarray) -> Any:
        moved = self.ring.step(actions)
        return moved._replace(obs=self.pair(moved.obs), final_obs=self.pair(moved.final_obs))

    def prepare(self) -> None: ...

    def state(self) -> Any:
        return self.ring.state()

    def load_state(self, state: Any) -> None:
        self.ring.load_state(state)

    def close(self) -> None: ...


def test_a_class_by_the_contract_alone() -> None:
    envs = source(Own)(num_envs=3, seed=2)
    obs, _ = envs.reset()
    assert envs.observation_space.shape == (9,) and obs.shape == (3, 9)
    moved = envs.step(np.zeros(3, int))
    assert moved.obs[:, :7].sum(axis=1).tolist() == [1, 1, 1]
    assert (moved.final_obs[:, 7:] == moved.final_obs[:, :2] / 2).all()
    trained = train("dqn", Own, steps=300, num_envs=3, **QUICK)
    assert trained.policy((np.array(4), np.zeros(2))) in (0, 1)
