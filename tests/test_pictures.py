"""Images of a policy: maps over a plane of the states, videos of its episodes."""

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from made import dqn

from agents import preset
from agents.heatmap import (
    LEFT,
    PLANES,
    POINTS,
    TOP,
    ZOOM,
    action_picture,
    number_picture,
    plane_of,
    states,
    sure_picture,
    value_picture,
)
from agents.video import MAX_STEPS, SECONDS, Video, shrunk, video
from drl.environment import Step
from drl.errors import NoPictures
from envs import make, source


def test_the_plane_is_laid_out_as_it_is_drawn() -> None:
    """By hand: V grows upwards (velocity), the action is right where the angle is positive."""
    plane = PLANES["CartPole-v1"]
    s = states(plane, 4)
    assert s.shape == (POINTS**2, 4) and not s[:, :2].any()
    value, action = value_picture(plane, s[:, 3]), action_picture(plane, (s[:, 2] > 0).astype(int))

    def at(image: np.ndarray, column: int, row: int) -> list[int]:
        pixel: list[int] = image[TOP + row * ZOOM + 2, LEFT + column * ZOOM + 2].tolist()
        return pixel

    last = POINTS - 1
    brightness = [sum(at(value, last, row)) for row in (0, POINTS // 2, last)]
    assert brightness[0] > brightness[1] > brightness[2]
    left, right = at(action, 0, 5), at(action, last, 5)
    assert left != right and at(action, 0, last) == left and at(action, last, last) == right


@pytest.mark.parametrize("env", [env for env in PLANES if env.startswith("drl/")])
def test_a_plane_is_of_its_environments_observations(env: str) -> None:
    """Its corners are observations; where an action is one number, it has no names."""
    envs = make(env, 1, seed=0)
    space, plane = envs.observation_space, PLANES[env]
    s = states(plane, space.shape[0])
    assert s.dtype == space.dtype and space.contains(s[0]) and space.contains(s[-1])
    assert bool(plane.actions) == hasattr(envs.action_space, "n")


@pytest.mark.parametrize("env", [env for env, plane in PLANES.items() if plane.actions])
def test_planes_name_every_action(env: str) -> None:
    assert len(PLANES[env].actions) == make(env, 1, seed=0).action_space.n


def test_a_pendulum_s_plane_is_of_its_angle_and_speed() -> None:
    s = states(PLANES["drl/Pendulum-v1"], 3).reshape(POINTS, POINTS, 3)
    middle = POINTS // 2
    assert np.allclose(s[middle, middle], [1, 0, 0])  # upright and still
    assert np.allclose(s[0, 0], [-1, 0, 8], atol=1e-6)  # hanging, at the top the fastest
    assert np.allclose(s[middle, 3 * POINTS // 4], [0, 1, 0], atol=0.1)
    torque = number_picture(PLANES["drl/Pendulum-v1"], s[:, :, 1].ravel() * 2, -2, 2)
    brightness = torque[TOP : TOP + 4, LEFT : LEFT + POINTS * ZOOM].sum(axis=(0, 2))
    assert brightness.argmin() < brightness.argmax()  # sin θ grows from left to right


def test_how_sure_a_policy_is() -> None:
    plane = PLANES["CartPole-v1"]
    p = np.full((POINTS**2, 2), 0.5)
    p[: POINTS**2 // 2] = 1, 0
    image = sure_picture(plane, p)
    bright = image[TOP : TOP + POINTS * ZOOM, LEFT : LEFT + POINTS * ZOOM].sum(axis=(1, 2))
    assert bright[0] > bright[-1]


class Falling:
    """An environment of one pixel whose grey is the step; it ends after `length`."""

    id, fps = "falling", 50.0

    def __init__(self, length: int) -> None:
        self.length, self.t = length, 0

    def reset(self) -> Any:
        return np.zeros((1, 1)), {}

    def render(self) -> np.ndarray:
        return np.full((1, 1, 3), self.t % 256, np.uint8)

    def step(self, actions: np.ndarray) -> Any:
        self.t += 1
        none, end = np.zeros(1, bool), np.array([self.t == self.length])
        obs = np.zeros((1, 1))
        return Step(obs, np.ones(1), end, none, obs)

    def close(self) -> None: ...


def falling(length: int) -> Video:
    return video(lambda **_: Falling(length), lambda obs: np.zeros(1, int), 0)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(("length", "stride"), [(5, 1), (60, 1), (61, 2), (200, 4)])
def test_a_long_episode_is_thinned_out_evenly(length: int, stride: int) -> None:
    shown = falling(length)
    assert shown.frames[:, 0, 0, 0].tolist() == list(range(0, length, stride))
    assert (shown.total, shown.length) == (length, length)
    assert shown.fps == 50 / stride and len(shown.frames) / shown.fps <= SECONDS


def test_an_episode_without_end_is_cut() -> None:
    assert falling(10**9).length == MAX_STEPS


def test_large_pictures_are_shrunk() -> None:
    assert shrunk(np.zeros((400, 600, 3), np.uint8)).shape == (134, 200, 3)
    assert shrunk(np.zeros((100, 200, 3), np.uint8)).shape == (100, 200, 3)


def test_cartpoles_sketch_follows_cart_and_pole() -> None:
    env = make("CartPole-v1", 1, seed=0)
    env.rows[:, 0] = [1.0, 0, 0.3, 0]  # type: ignore[attr-defined]
    there = env.sketch()  # type: ignore[attr-defined]
    env.rows[:, 0] = [-1.0, 0, -0.3, 0]  # type: ignore[attr-defined]
    here = env.sketch()  # type: ignore[attr-defined]
    assert np.abs(here[:70].astype(int) - there[:70, ::-1]).mean() < 3  # its mirror
    cart = (there.sum(axis=2) == 0).any(axis=0).nonzero()[0].mean()
    assert cart == pytest.approx(140, abs=1)  # 40 pixels a metre right of the middle


def test_a_missing_drawing_package_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pygame", None)
    with pytest.raises(NoPictures, match=r"drl-toolkit\[video\]"):
        video(source("Acrobot-v1"), lambda obs: np.zeros(1, int), 0)


def test_a_video_is_of_the_policy_it_is_given() -> None:
    tuned = preset("CartPole-v1")
    assert tuned is not None
    policy = dqn(tuned.config, (4,)).policy()
    shown = video(source("CartPole-v1"), policy.act_batch, 3)
    env = make("CartPole-v1", 1, 3)
    (obs, _), length, ended = env.reset(), 0, False
    while not ended:
        step = env.step(policy.act_batch(obs))
        obs, length = step.obs, length + 1
        ended = bool(step.terminated[0] or step.truncated[0])
    assert shown.length == length


def test_a_video_is_cut_where_it_is_told() -> None:
    shown = video(source("drl/MountainCar-v0"), lambda obs: np.ones(1, int), 3, max_steps=4)
    assert shown.length == 4 and len(shown.frames) == 5


def test_cartpoles_video_is_its_sketch() -> None:
    """Half a second for pygame would be half of a training."""
    shown = video(source("CartPole-v1"), lambda obs: np.zeros(1, int), 3)
    assert shown.frames.shape[1:] == (100, 200, 3)
    env = make("CartPole-v1", 1, 3)
    env.reset()
    assert np.array_equal(shown.frames[0], env.sketch())  # type: ignore[attr-defined]


def test_the_video_of_an_environment_of_images_is_what_the_agent_sees() -> None:
    shown = video(source("drl/CartPolePixels-v1"), lambda obs: np.zeros(1, int), 3)
    obs, _ = make("drl/CartPolePixels-v1", 1, 3).reset()
    assert np.array_equal(shown.frames[0, ::2, ::2, 0], obs[0, :, :, 1])


def test_what_draws_nothing_is_named() -> None:
    with pytest.raises(NoPictures, match="draws no images"):
        video(source("drl/Chain-v0"), lambda obs: np.zeros(1, int), 0)


def test_a_plane_is_of_the_actions_that_it_names() -> None:
    box = Box(-1, 1, (1,), np.float32)
    assert plane_of("CartPole-v1", Discrete(2)) is PLANES["CartPole-v1"]
    assert plane_of("CartPole-v1", box) is None  # a wrapper's
    assert plane_of("Pendulum-v1", box) is PLANES["Pendulum-v1"]
    assert plane_of("Pendulum-v1", Discrete(5)) is None and plane_of("Acrobot-v1", box) is None
