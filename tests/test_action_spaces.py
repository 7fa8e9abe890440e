"""An action's own shape and dtype, through the environments' guards, their states and processes."""

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from odd_actions import KINDS, Arms, ManyArms, Masked, Switches

from drl.action_space import random_action
from drl.errors import EnvFailed, UserError
from envs import make, registration
from envs.sources import source


def drawn(space: Any, count: int, seed: int, masks: Any = None) -> np.ndarray:
    """Actions for so many environments."""
    space = copy.deepcopy(space)
    space.seed(seed)
    rows = [random_action(space, None if masks is None else masks[i]) for i in range(count)]
    return np.array(rows, space.dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_environments_get_their_own_kind(kind: Any) -> None:
    """The env looks itself: type, shape, dtype, bounds."""
    envs = make(kind, 3, 0)
    envs.reset()
    for t in range(25):
        actions = drawn(envs.action_space, 3, t)
        before = actions.copy()
        step = envs.step(actions)
        actions[...] = 0
        kept = [np.asarray(env.env.kept) for env in envs.envs]
        assert all(np.array_equal(a, b) for a, b in zip(kept, before, strict=True))
    assert step.invalid is None and np.isfinite(step.reward).all() and not envs.restarts


@pytest.mark.parametrize("kind", KINDS)
def test_episodes_are_played_again_from_a_state(kind: Any) -> None:
    envs, again = make(kind, 2, 4), make(kind, 2, 4)
    envs.prepare()
    assert envs.way == "generator"
    envs.reset()
    for t in range(13):
        envs.step(drawn(envs.action_space, 2, t))
    state = envs.state()
    taken = state["envs"]["0"]["episode"]["actions"]
    assert taken.shape == (3, *kind.action_space.shape) and taken.dtype == kind.action_space.dtype
    again.load_state(state)
    for t in range(9):
        a, b = (e.step(drawn(envs.action_space, 2, 90 + t)) for e in (envs, again))
        assert a.obs.tobytes() == b.obs.tobytes() and a.reward.tobytes() == b.reward.tobytes()
    state["envs"]["0"]["episode"]["actions"] = np.zeros((3, 7))
    with pytest.raises((ValueError, TypeError)):
        again.load_state(state)


@pytest.mark.parametrize("kind", [*KINDS, Masked])
def test_processes_give_the_same_bytes(kind: Any) -> None:
    one, two = (source(kind)(num_envs=3, seed=2, workers=n) for n in (0, 2))
    try:
        (a, info), (b, its) = one.reset(), two.reset()
        assert a.tobytes() == b.tobytes() and info.keys() == its.keys()
        for t in range(12):
            actions = drawn(one.action_space, 3, t, info.get("action_mask"))
            step, other = one.step(actions), two.step(actions)
            assert step.obs.tobytes() == other.obs.tobytes()
            assert step.reward.tobytes() == other.reward.tobytes()
            info = step.info
            for name in info:
                assert np.array_equal(info[name], other.info[name])
        assert not one.restarts and not two.restarts
    finally:
        one.close()
        two.close()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("actions", "said"),
    [
        (np.zeros((2, 6)), r"actions of shape \(2, 6\), 2 environments .* take \(2, 2, 3\)"),
        (np.zeros(2), r"actions of shape \(2,\)"),
        (np.zeros((2, 2, 3), complex), "actions of complex128, .* take float64: mend the agent"),
    ],
)  # fmt: skip
def test_what_an_agent_gets_wrong_is_said_of_the_agent(
    workers: int, actions: np.ndarray, said: str
) -> None:
    envs = source(Arms)(num_envs=2, seed=0, workers=workers)
    envs.reset()
    with pytest.raises(UserError, match=said) as error:
        envs.step(actions)
    assert not isinstance(error.value, EnvFailed) and not envs.restarts
    envs.close()


def test_whole_numbers_are_no_floats() -> None:
    envs = make(Switches, 1, 0)
    envs.reset()
    with pytest.raises(UserError, match="actions of float64, .* take int64"):
        envs.step(np.full((1, 3), 0.5))
    float32 = make(Arms, 1, 0)
    float32.reset()
    float32.step(np.zeros((1, 2, 3), np.float32))  # nothing is lost: the env gets its float64


@pytest.mark.parametrize("told", [lambda mask: mask, lambda mask: tuple(np.split(mask, [2, 5]))])
def test_masks_are_number_by_number(told: Any) -> None:
    """In one array, as sb3-contrib has them, or in Gymnasium's tuples."""
    envs = make(type("Told", (Masked,), {"told": staticmethod(told)}), 2, 0)
    envs.prepare()  # random play keeps to them: Masked raises otherwise
    _, info = envs.reset()
    assert info["action_mask"].astype(int).tolist() == [[0, 1, 1, 1, 0, 1, 1, 1, 0]] * 2
    for t in range(21):
        actions = drawn(envs.action_space, 2, t, info["action_mask"])
        step = envs.step(actions)
        info = step.info
        assert (step.final_mask[:, 0] == actions[:, 0]).all()
    assert not envs.restarts


def test_a_number_without_any_value_is_named() -> None:
    nothing = staticmethod(lambda mask: np.array([0, 0, 1, 1, 1, 1, 1, 1, 1]))
    envs = make(type("Stuck", (Masked,), {"told": nothing}), 1, 0)
    with pytest.raises(EnvFailed, match="an action mask that allows nothing"):
        envs.reset()
    envs = make(type("Short", (Masked,), {"told": staticmethod(lambda mask: mask[:3])}), 1, 0)
    with pytest.raises(EnvFailed, match=r"int8 of shape \(3,\) as an action mask; expected 9 of"):
        envs.reset()


def test_an_own_vector_class_gets_them_as_they_are() -> None:
    envs = source(ManyArms)(num_envs=4, seed=0)
    envs.reset()
    step = envs.step(drawn(envs.action_space, 4, 1))
    assert step.reward.shape == (4,) and (step.reward < 0).all()
    envs.step(np.zeros((4, 2, 3), np.float32))  # it asserts that they are float64
    with pytest.raises(UserError, match=r"actions of shape \(4, 6\), .*: mend the agent"):
        envs.step(np.zeros((4, 6)))


@pytest.mark.parametrize("id", ["drl/Pendulum-v1", "drl/MountainCarContinuous-v0"])
def test_ours_are_gymnasiums_too(id: str) -> None:
    assert registration.IDS
    env = gym.make(id)
    env.reset(seed=1)
    assert np.isfinite(env.step(env.action_space.sample())[1])


def test_other_spaces_are_refused_in_one_line() -> None:
    class Both(Arms):
        action_space = Dict(a=Discrete(2), b=Box(-1, 1, (1,)))

    with pytest.raises(UserError, match=r"Both has Dict\(a: .* actions: expected Discrete, Multi"):
        make(Both, 1, 0)
