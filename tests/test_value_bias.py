"""What the value function estimates beside what is realised, with numbers by hand."""

from typing import Any

import numpy as np
import pytest
from made import dqn
from made import step as one_step

from agents import DQN, DQNConfig, evaluate
from agents.value_bias import ValueBias
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


def agent(**changes: Any) -> DQN:
    config = DQNConfig(hidden=(4,), batch_size=2, learning_starts=2, gamma=GAMMA, **changes)
    return dqn(config, (3,))


def q_values(agent: DQN, obs: np.ndarray) -> np.ndarray:
    return agent.policy().q(obs)


def played(agent: DQN, watch: ValueBias, script: Script, steps: int) -> np.ndarray:
    watch.begin(agent.policy().player(2), script.reset()[0])
    for _ in range(steps):
        watch.see(script.step(np.zeros(2, int)))
    return watch.realised()


def test_discounted_until_the_first_end() -> None:
    """Environment 0 ends at once, and its next episode does not count; environment 1 after three
    steps."""
    script = Script(([1, 2], [1, 0], [0, 0]), ([8, 4], [0, 0], [0, 0]), ([8, 8], [1, 1], [0, 0]))
    a = agent()
    watch = a.probe()
    assert played(a, watch, script, 3).tolist() == [1, 2 + 0.5 * 4 + 0.25 * 8]
    assert watch.metrics()["eval/q_realised"] == 3.5
    q = q_values(a, np.zeros((1, 3), np.float32))
    assert watch.metrics()["eval/q_estimated"] == pytest.approx(q.max())


def test_where_the_clock_cuts_the_environment_goes_on() -> None:
    script = Script(([1, 1], [0, 0], [0, 0]), ([1, 1], [0, 1], [1, 1]))
    a = agent()
    rest = q_values(a, np.ones((1, 3), np.float32)).max()
    realised = played(a, a.probe(), script, 2)
    assert realised == pytest.approx([1.5 + 0.25 * rest, 1.5])  # terminated: nothing comes after


def test_rewards_as_the_agent_learns_them() -> None:
    script = Script(([100, -100], [1, 1], [0, 0]))
    a = agent(reward_scale=0.5, reward_clip=2.0)
    assert played(a, a.probe(), script, 1).tolist() == [4, -4]


def test_what_is_not_known_is_left_out() -> None:
    unfinished = Script(([1, 1], [1, 0], [0, 0]))
    a = agent()
    watch = a.probe()
    assert np.isnan(played(a, watch, unfinished, 1)).tolist() == [False, True]
    assert watch.metrics()["eval/q_realised"] == 1
    failed = Script(([1, 1], [1, 1], [0, 0]))
    failed.invalid = np.array([True, True])
    watch = a.probe()
    assert np.isnan(played(a, watch, failed, 1)).all() and watch.metrics() == {}


def test_an_evaluation_is_the_same_watched() -> None:
    a = dqn(DQNConfig(hidden=(8,)), (4,))
    policy, watch = a.policy(), a.probe()
    plain = evaluate(policy, make("CartPole-v1", 4, seed=3), 6)
    watched = evaluate(policy, make("CartPole-v1", 4, seed=3), 6, watch=watch)
    assert np.array_equal(watched.returns, plain.returns)
    assert np.isfinite(watch.realised()).all()


@pytest.mark.parametrize("head", ["mean", "c51", "qr", "iqn"])
def test_q_in_the_rewards_of_the_environment(head: str) -> None:
    obs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    one = q_values(agent(head=head), obs)
    scaled = q_values(agent(head=head, reward_scale=0.25), obs)
    assert one.shape == (5, 2) and scaled == pytest.approx(4 * one, rel=1e-6)


def test_q_by_action_is_of_the_batch_learnt_from() -> None:
    config = DQNConfig(hidden=(4,), batch_size=5, gamma=GAMMA, reward_scale=0.5)
    a = dqn(config, (3,), num_envs=2)
    s, no = np.eye(3, dtype=np.float32)[:2], np.zeros(2, bool)
    a.observe(s, np.array([0, 1]), one_step(np.ones(2), no, no, s))
    update = a.learn()
    q, metrics = a.ops.numpy(update.seen.q()), update.metrics()
    for action in (0, 1):
        of_action = metrics[f"q/action_{action}"]
        assert isinstance(of_action, np.ndarray) and of_action.shape == (5,)
        assert np.array_equal(of_action * 0.5, q[:, action])
