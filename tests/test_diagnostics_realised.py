"""What Q promises beside what is earned, with numbers by hand."""

from typing import Any

import numpy as np
import pytest
from agents.dqn.value_bias import ValueBias

from agents import DQNConfig, build_dqn, evaluate
from agents.dqn.metrics import q_by_action, q_values
from envs import Step, make

GAMMA = 0.5


class Script:
    """Two environments that do what was written down: rewards, terminated, truncated for each
    step."""

    id, num_envs, restarts = "script", 2, ()

    def __init__(self, *steps: tuple[list[float], list[int], list[int]]) -> None:
        self.steps = list(steps)
        self.invalid: np.ndarray | None = None

    def reset(self) -> Any:
        return np.zeros((2, 3), np.float32), {}

    def step(self, actions: np.ndarray) -> Step:
        reward, terminated, truncated = self.steps.pop(0)
        s = np.ones((2, 3), np.float32)
        ends = np.array(terminated, bool), np.array(truncated, bool)
        return Step(s, np.array(reward), *ends, s, invalid=self.invalid)

    def state(self) -> dict[str, Any] | None:
        return None

    def load_state(self, state: dict[str, Any]) -> None: ...


def agent(**changes: Any) -> Any:
    config = DQNConfig(hidden=(4,), batch_size=2, learning_starts=2, gamma=GAMMA, **changes)
    return build_dqn(config, (3,), np.float32, 2, seed=1)


def played(watched: ValueBias, steps: int) -> np.ndarray:
    watched.reset()
    for _ in range(steps):
        watched.step(np.zeros(2, int))
    return watched.earned()


def test_discounted_until_the_first_end() -> None:
    """Environment 0 ends at once, and its next episode does not count; environment 1 after three
    steps."""
    script = Script(([1, 2], [1, 0], [0, 0]), ([8, 4], [0, 0], [0, 0]), ([8, 8], [1, 1], [0, 0]))
    watched = ValueBias(agent(), script)
    assert played(watched, 3).tolist() == [1, 2 + 0.5 * 4 + 0.25 * 8]
    assert watched.scalars()["eval/q_realised"] == 3.5
    q = q_values(watched.agent, np.zeros((1, 3), np.float32))
    assert watched.scalars()["eval/q_estimated"] == pytest.approx(q.max())


def test_where_the_clock_cuts_the_world_goes_on() -> None:
    script = Script(([1, 1], [0, 0], [0, 0]), ([1, 1], [0, 1], [1, 1]))
    a = agent()
    rest = q_values(a, np.ones((1, 3), np.float32)).max()
    earned = played(ValueBias(a, script), 2)
    assert earned == pytest.approx([1.5 + 0.25 * rest, 1.5])  # terminated: nothing comes after


def test_rewards_as_the_agent_learns_them() -> None:
    script = Script(([100, -100], [1, 1], [0, 0]))
    assert played(ValueBias(agent(reward_scale=0.5, reward_clip=2.0), script), 1).tolist() == [
        4,
        -4,
    ]


def test_what_is_not_known_is_left_out() -> None:
    unfinished = Script(([1, 1], [1, 0], [0, 0]))
    watched = ValueBias(agent(), unfinished)
    assert np.isnan(played(watched, 1)).tolist() == [False, True]
    assert watched.scalars()["eval/q_realised"] == 1
    failed = Script(([1, 1], [1, 1], [0, 0]))
    failed.invalid = np.array([True, True])
    watched = ValueBias(agent(), failed)
    assert np.isnan(played(watched, 1)).all() and watched.scalars() == {}


def test_an_evaluation_is_the_same_watched() -> None:
    a = build_dqn(DQNConfig(hidden=(8,)), (4,), np.float32, 2, seed=1)
    plain = evaluate(a.greedy, make("CartPole-v1", 4, seed=3), 6)
    watched = ValueBias(a, make("CartPole-v1", 4, seed=3))
    assert np.array_equal(evaluate(a.greedy, watched, 6).returns, plain.returns)
    assert np.isfinite(watched.earned()).all()


@pytest.mark.parametrize("head", ["mean", "c51", "qr", "iqn"])
def test_q_in_the_rewards_of_the_environment(head: str) -> None:
    obs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    one = q_values(agent(head=head), obs)
    scaled = q_values(agent(head=head, reward_scale=0.25), obs)
    assert one.shape == (5, 2) and scaled == pytest.approx(4 * one, rel=1e-6)


def test_q_by_action_is_of_the_batch_learnt_from() -> None:
    config = DQNConfig(hidden=(4,), batch_size=5, num_envs=2, gamma=GAMMA, reward_scale=0.5)
    a = build_dqn(config, (3,), np.float32, 2, seed=1)
    s, no = np.eye(3, dtype=np.float32)[:2], np.zeros(2, bool)
    a.observe(s, np.array([0, 1]), np.ones(2), no, no, s)
    learned = a.learn()
    q = q_by_action(a, learned)
    assert q.shape == (2, 5)  # a row for each action
    assert np.array_equal(q.T * 0.5, a.ops.numpy(learned.q()))
