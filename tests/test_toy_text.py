"""toy_text: what is the best that can be had, and that the presets have it."""

from typing import Any

import gymnasium as gym
import numpy as np
import optimal
import pytest

from agents.dqn.presets import preset
from drl import train

BEST = {"FrozenLake-v1": 0.7442, "FrozenLake8x8-v1": 0.9132, "CliffWalking-v1": -13.0,
        "Taxi-v4": 7.93}  # fmt: skip


def known(env_id: str, **kwargs: Any) -> optimal.Table:
    if env_id not in gym.registry:
        pytest.skip("an older Gymnasium has an older version of it")
    return optimal.table(env_id, **kwargs)


@pytest.mark.parametrize("env_id", BEST)
def test_the_best_there_is(env_id: str) -> None:
    assert optimal.worth(known(env_id)) == pytest.approx(BEST[env_id], abs=5e-5)


def test_the_lake_without_slips_can_always_be_crossed() -> None:
    lake = known("FrozenLake-v1", is_slippery=False)
    actions = optimal.action_values(lake, 0.99).argmax(axis=1)
    assert optimal.worth(lake, actions) == 1.0
    assert optimal.share_optimal(lake, actions, 0.99) == 1.0
    assert optimal.reachable(lake, actions).sum() == 6  # the shortest way


def test_one_wrong_step_is_a_share_of_the_states() -> None:
    """On the cliff: 13 states on the way; up from the third of its edge, and on along that row."""
    cliff = known("CliffWalking-v1")
    actions = optimal.action_values(cliff, 0.99).argmax(axis=1)
    assert optimal.reachable(cliff, actions).sum() == 13
    actions[26] = 0  # up, in the row above the cliff
    met = optimal.reachable(cliff, actions)
    assert met.sum() == 15 and optimal.share_optimal(cliff, actions, 0.99) == 14 / 15
    assert optimal.worth(cliff, actions) == -15


@pytest.mark.parametrize(("env_id", "gamma"), [("FrozenLake-v1", 0.99), ("Taxi-v4", 0.97)])
def test_the_presets_discount_has_the_best_policy(env_id: str, gamma: float) -> None:
    """Of all that do not look at the clock: with less of it a lake's is worth 0.730."""
    found = preset(env_id)
    assert found is not None and found.config.gamma == gamma
    problem = known(env_id)
    actions = np.where(
        problem.masks, optimal.action_values(problem, gamma), -np.inf
    ).argmax(axis=1)  # fmt: skip
    assert optimal.worth(problem, actions) == pytest.approx(
        {"FrozenLake-v1": 0.740165, "Taxi-v4": 7.93}[env_id], abs=5e-6
    )


def test_blackjack_by_counting() -> None:
    """The dealer busts 28 % of the time."""
    bust = sum(optimal.dealer(*optimal.drawn(0, 0, up)).get(0, 0.0) for up in optimal.CARDS) / 13
    assert bust == pytest.approx(0.2816, abs=5e-5)
    assert optimal.blackjack() == pytest.approx(-0.04311, abs=5e-6)


def test_blackjack_is_as_counted() -> None:
    """Gymnasium's own, played: 20,000 hands of a policy, within four standard errors."""
    env: Any = gym.make("Blackjack-v1")
    total, hands = 0.0, 20_000
    obs, _ = env.reset(seed=1)
    for _ in range(hands):
        over = False
        while not over:
            obs, reward, over, *_ = env.step(int(obs[0] < 17))
        total += reward
        obs, _ = env.reset()
    expected = optimal.blackjack(lambda total, up, ace: int(total < 17))
    assert total / hands == pytest.approx(expected, abs=4 * 0.96 / hands**0.5)


@pytest.mark.filterwarnings("ignore:.*had no end within 200 agent steps")
def test_cliff_walking_is_learnt() -> None:
    """With its preset: the way along the cliff, and nothing hangs on the way there."""
    cliff = known("CliffWalking-v1")
    result = train("dqn", "CliffWalking-v1", seed=1, progress=False)
    actions = result.agent.policy()(np.arange(48))
    assert optimal.worth(cliff, actions) == -13.0
    assert optimal.share_optimal(cliff, actions, 0.99) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("slips", [False, True])
def test_frozen_lake_is_learnt(slips: bool, seed: int) -> None:
    lake = known("FrozenLake-v1", is_slippery=slips)
    result = train(
        "dqn", "FrozenLake-v1", env_kwargs={"is_slippery": slips}, seed=seed, progress=False
    )
    actions = result.agent.policy()(np.arange(16))
    assert optimal.worth(lake, actions) == pytest.approx(0.740165 if slips else 1.0, abs=5e-6)
    assert optimal.share_optimal(lake, actions, 0.99) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_taxi_is_learnt(seed: int) -> None:
    taxi = known("Taxi-v4")
    policy = train("dqn", "Taxi-v4", seed=seed, progress=False).agent.policy()
    actions = policy(np.arange(500), taxi.masks)
    assert optimal.worth(taxi, actions) > 7.8  # of 7.93
    assert optimal.share_optimal(taxi, actions, 0.97) > 0.98


@pytest.mark.slow
def test_blackjack_is_learnt() -> None:
    policy = train("dqn", "Blackjack-v1", seed=1, progress=False).agent.policy()
    worth = optimal.blackjack(lambda total, up, ace: int(policy((total, up, ace))))
    assert worth > -0.048
