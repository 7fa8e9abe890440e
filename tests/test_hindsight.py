"""Hindsight replay: which goals stand in for which, what they pay, and that it resumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import ROOT, Shell, killed_and_resumed
from trained import assert_same

import drl
from agents.memory.goals import Goals
from agents.memory.hindsight import HindsightReplay, Strategy, WholeSteps
from agents.memory.packed import PackedStorage
from agents.memory.replay import Batch, UniformSampler
from agents.memory.storage import ArrayStorage, ObservationStorage
from agents.row import find_row
from agents.setup import Setup
from drl.encoding import Encoder
from drl.environment import Step, encoder_of, goal_rules_of
from drl.errors import EnvFailed, UserError
from envs import bit_flip, make, reach

LINE = Box(-np.inf, np.inf, (1,), np.float32)
ENCODER = Encoder(Dict(achieved_goal=LINE, desired_goal=LINE, observation=LINE))
AT, WANTED, SEEN = (part.where.start for part in ENCODER.parts)  # columns
WHOLE = ArrayStorage((3,), np.float32)
ALL = 10**9  # k: so many relabelled for each that is not


class Places:
    """0 where the place is the one wanted, which terminates where `ends`, else −1."""

    def __init__(self, ends: bool = True) -> None:
        self.ends = ends

    def reward(self, achieved: Any, desired: Any) -> np.ndarray:
        return (achieved == desired)[:, 0] - 1.0

    def terminated(self, achieved: Any, desired: Any) -> np.ndarray | None:
        return (achieved == desired)[:, 0] if self.ends else None


def memory(
    num_envs: int = 1, size: int = 100, batch: int = 64, strategy: Strategy = "future",
    k: float = ALL, rules: Any = None, seed: int = 0, storage: ObservationStorage = WHOLE,
) -> WholeSteps:  # fmt: skip
    sampler = UniformSampler(size, batch, np.random.default_rng(seed))
    goals = Goals(ENCODER, rules or Places(), lambda reward: 10 * reward)
    replay = HindsightReplay(
        size, batch, storage, sampler, num_envs=num_envs, gamma=0.5,
        goals=goals, strategy=strategy, k=k, rng=np.random.default_rng(seed + 1),
    )  # fmt: skip
    return WholeSteps(replay, 0.5)


def seen(place: Any, wanted: Any = -7.0) -> np.ndarray:
    """Observations (N, 3) of points at these places (N,)."""
    obs = np.zeros((len(place), 3), np.float32)
    obs[:, AT] = obs[:, SEEN] = place
    obs[:, WANTED] = wanted
    return obs


def walked(way: WholeSteps, places: list[float], cut: bool = True) -> None:
    """An episode of one environment through these places, in which the goal is not reached."""
    for i, (here, there) in enumerate(zip(places, places[1:], strict=False)):
        last = np.array([cut and i == len(places) - 2])
        way.add(seen([here]), np.array([i]), np.array([-10.0]), last & False, last, seen([there]))


def drawn(way: WholeSteps, batches: int = 1) -> list[dict[str, Any]]:
    """Transitions of so many batches, each as numbers."""
    found = []
    for _ in range(batches):
        batch = way.replay.sample()
        assert np.array_equal(batch.s[:, WANTED], batch.s_next[:, WANTED])
        for i in range(len(batch.r)):
            found.append({
                "s": batch.s[i, AT], "a": int(batch.a[i]), "r": batch.r[i],
                "g": batch.s[i, WANTED], "d": batch.discount[i], "next": batch.s_next[i, AT],
            })  # fmt: skip
    return found


# -- by hand --------------------------------------------------------------------------------------
def test_the_last_place_is_wanted() -> None:
    """0 → 1 → 2 → 3 towards −7: every step learns of 3, which the last one reaches."""
    way = memory(strategy="final")
    walked(way, [0, 1, 2, 3])
    found = {row["s"]: row for row in drawn(way)}
    assert [found[s]["g"] for s in range(3)] == [3, 3, 3]
    assert [found[s]["r"] for s in range(3)] == [-10, -10, 0]
    assert [found[s]["d"] for s in range(3)] == [0.5, 0.5, 0]
    assert [found[s]["next"] for s in range(3)] == [1, 2, 3]


def test_any_later_place_is_wanted_equally_often() -> None:
    """From 0 it is 1, 2 or 3; from 1, 2 or 3; never one of before, never one of another episode."""
    way = memory(batch=600)
    walked(way, [0, 1, 2, 3])
    walked(way, [10, 11])
    rows = drawn(way, 40)
    for s, goals in ((0, [1, 2, 3]), (1, [2, 3]), (2, [3]), (10, [11])):
        of = [row for row in rows if row["s"] == s]
        assert sorted({row["g"] for row in of}) == goals
        for g in goals:
            share = np.mean([row["g"] == g for row in of])
            assert share == pytest.approx(1 / len(goals), abs=0.03)
    assert all((row["r"] == 0) == (row["next"] == row["g"]) for row in rows)


@pytest.mark.parametrize("k", [1, 4])
def test_one_of_k_and_one_keeps_its_own_goal(k: int) -> None:
    way = memory(batch=1000, k=k)
    walked(way, [0, 1, 2, 3])
    own = [row for row in drawn(way, 20) if row["g"] == -7]
    assert len(own) / 20_000 == pytest.approx(1 / (k + 1), abs=0.015)
    assert all((row["r"], row["d"]) == (-10, 0.5) for row in own)


def test_where_goals_end_nothing_the_discount_stays() -> None:
    way = memory(rules=Places(ends=False))
    walked(way, [0, 1, 2])
    assert {row["d"] for row in drawn(way)} == {0.5}
    way.add(seen([2]), np.zeros(1), np.zeros(1), np.array([True]), np.array([False]), seen([3], 3))
    assert {row["d"] for row in drawn(way, 5) if row["s"] == 2} == {0}


def test_an_episode_under_way_is_learnt_from_to_its_newest_step() -> None:
    way = memory(strategy="final")
    walked(way, [0, 1, 2], cut=False)
    assert {row["g"] for row in drawn(way)} == {2}
    walked(way, [2, 3])
    assert {row["g"] for row in drawn(way)} == {3}


def test_an_episode_that_is_broken_off_ends_there() -> None:
    way = memory(strategy="final")
    walked(way, [0, 1, 2], cut=False)
    way.interrupt_episodes()
    walked(way, [10, 11])
    assert {(row["s"], row["g"]) for row in drawn(way)} == {(0, 2), (1, 2), (10, 11)}


# -- any episodes, any ring -----------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4), st.integers(3, 40), st.sampled_from(["future", "final"]),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.integers(0, 99), st.booleans(),
)  # fmt: skip
def test_goals_are_those_that_the_same_episode_achieved_later(
    num_envs: int, size: int, strategy: Strategy, ends: list[int], seed: int, once: bool
) -> None:
    """Against a list of all that ever was: each transition has a place of its own.

    once  observations are kept once, and the oldest transitions may go before the ring is full
    """
    size = max(size, num_envs)
    slack = 4 * num_envs
    storage = PackedStorage(ENCODER.parts, size, num_envs, slack) if once else WHOLE
    way = memory(num_envs, size, 32, strategy, seed=seed, storage=storage)
    rng, episodes = np.random.default_rng(seed), np.arange(num_envs)
    episode_of: list[int] = []  # by number of the transition
    for step in range(len(ends)):
        places = np.arange(step * num_envs, (step + 1) * num_envs)
        over, cut = rng.random((2, num_envs)) < 0.15
        way.add(
            seen(places - num_envs), places, np.full(num_envs, -10.0), over, cut, seen(places)
        )  # fmt: skip
        episode_of += episodes.tolist()
        ended = over | cut
        if ends[step] % 17 == 0:
            way.interrupt_episodes()
            ended[:] = True
        episodes[ended] = episodes.max() + 1 + np.arange(ended.sum())
        for row in drawn(way):
            n = row["a"]
            later = [m for m in range(n, len(episode_of)) if episode_of[m] == episode_of[n]]
            assert row["next"] == n and n >= len(episode_of) - size
            assert row["g"] == later[-1] if strategy == "final" else row["g"] in later
            assert (row["r"], row["d"]) == ((0, 0) if row["g"] == n else (-10, 0.5))


def test_a_saved_memory_goes_on_alike() -> None:
    first, second = memory(2, 9, seed=1), memory(2, 9, seed=5)
    for step in range(7):
        places = np.array([2.0 * step, 2 * step + 1])
        ended = np.array([step % 3 == 2, step == 4])
        first.add(seen(places - 2), places, np.full(2, -10.0), ended & False, ended, seen(places))
    first.replay.sample()
    second.load_state(first.state())
    second.replay.load_state(first.replay.state())
    for way in (first, second):
        way.add(seen([50.0, 51]), np.ones(2), np.full(2, -10.0), *np.zeros((2, 2), bool),
                seen([60.0, 61]))  # fmt: skip
    for _ in range(70):
        assert all(map(same, first.replay.sample()[:7], second.replay.sample()[:7]))


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.tobytes() == b.tobytes()


def test_a_memory_of_other_environments_is_refused() -> None:
    first, second = memory(2), memory(3)
    first.add(seen([0.0, 1]), np.ones(2), np.ones(2), *np.zeros((2, 2), bool), seen([2.0, 3]))
    with pytest.raises(ValueError, match="first"):
        second.replay.load_state(first.replay.state())
    state = first.replay.state() | {"first": np.array([1, 0])}
    with pytest.raises(ValueError, match="other environments"):
        memory(2).replay.load_state(state)


# -- what the environment pays --------------------------------------------------------------------
class Other(Places):
    """It pays by more than the goals."""

    def reward(self, achieved: Any, desired: Any) -> np.ndarray:
        return super().reward(achieved, desired) - 0.1


def test_a_compute_reward_that_is_not_what_was_paid_is_refused() -> None:
    way = memory(rules=Other())
    walked(way, [0, 1, 2])
    with pytest.raises(EnvFailed, match=r"gives -11 where a step has paid -10, in 64 of 64 steps"):
        way.replay.sample()


def agent(name: str, env: str, seed: int = 1, num_envs: int = 3, **more: Any) -> tuple[Any, Any]:
    """An agent and environments, whose first observations are its."""
    envs = make(env, num_envs, seed)
    row = find_row(name)
    small = {"hidden": (8,), "batch_size": 16, "buffer_size": 100, "learning_starts": 9}
    config = row.config(**{**small, "her": True, **more})
    setup = Setup(
        envs.observation_space, envs.action_space, num_envs, seed, encoder=encoder_of(envs),
        goal_rules=goal_rules_of(envs), reward_range=envs.reward_range,
    )  # fmt: skip
    return row.made(config, setup), envs


def trained(one: Any, envs: Any, obs: np.ndarray, first: int, last: int) -> np.ndarray:
    for env_steps in range(first, last, envs.num_envs):
        action = one.act(obs, env_steps)
        step = envs.step(action)
        one.observe(obs, action, step)
        obs = step.obs
        while one.due(env_steps + envs.num_envs):
            one.learn()
    return obs


AGENTS = {"dqn": "drl/BitFlip-v0"} | dict.fromkeys(("sac", "td3", "tqc", "crossq"), "drl/Reach-v0")


@pytest.mark.parametrize("more", [{}, {"prioritized": True, "her_strategy": "final", "her_k": 2}])
@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_goes_on_from_its_state_to_the_same_bytes(
    name: str, more: dict[str, Any]
) -> None:
    (first, envs), (second, others) = (agent(name, AGENTS[name], s, **more) for s in (1, 9))
    obs = trained(first, envs, envs.reset()[0], 0, 150)
    second.load_state(first.state())
    others.load_state(envs.state())
    for one, world in ((first, envs), (second, others)):
        trained(one, world, obs.copy(), 150, 300)
    assert first.updates > 100
    assert_same(first.state(), second.state())


def test_rewards_are_relabelled_in_the_agent_s_units() -> None:
    for name, more in (("sac", {"reward_scale": 0.5}), ("dqn", {"reward_clip": 0.5})):
        one, envs = agent(name, AGENTS[name], **more)
        trained(one, envs, envs.reset()[0], 0, 90)
        rewards = np.concatenate([one.replay.sample().r.copy() for _ in range(20)])
        assert set(rewards) == {-0.5, 0.0}


RUNS = {
    "dqn": ["--env", "drl/BitFlip-v0", "--updates-per-step", "0.5"],
    "sac": ["--env", "drl/Reach-v0", "--updates-per-step", "0.25"],
}


@pytest.mark.parametrize("name", RUNS)
def test_killed_it_goes_on_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    shell = Shell(ROOT, tmp_path / "runs")
    options = [*RUNS[name], "--her", "--seed", "5", "--num-envs", "4", "--hidden", "16",
               "--batch-size", "16", "--learning-starts", "100", "--buffer-size", "1000",
               "--checkpoint-every", "200", "--eval-every", "2000", "--eval-episodes", "2",
               "--log-to", "csv"]  # fmt: skip
    killed_and_resumed(shell, name, "6000", options)
    assert shell.json("evaluate", "whole", "--episodes", "2")["episodes"] == 2
    assert "filled by it" in shell.fails("resume", "whole", "--steps", "7000", "--no-her")


# -- refusals -------------------------------------------------------------------------------------
def test_what_has_no_goals_is_refused() -> None:
    with pytest.raises(UserError, match=r"needs observations of a Dict .* found Box.* leave `her`"):
        agent("dqn", "CartPole-v1")
    with pytest.raises(UserError, match=r"different spaces"):
        wide = Box(-1, 1, (2,), np.float32)
        Goals(Encoder(Dict(achieved_goal=LINE, desired_goal=wide)), Places(), lambda r: r)
    with pytest.raises(UserError, match=r"needs compute_reward\(achieved_goal, desired_goal, info"):
        setup = Setup(ENCODER.space, Box(-1, 1, (1,)), encoder=ENCODER)
        row = find_row("sac")
        row.made(row.config(her=True), setup)


@pytest.mark.parametrize("name", ["dqn", "sac"])
def test_settings_that_contradict_each_other_are_refused(name: str) -> None:
    config = find_row(name).config
    with pytest.raises(UserError, match=r"`n_step=3` sums several: leave one of them out"):
        agent(name, AGENTS[name], n_step=3)
    with pytest.raises(UserError, match="her_k"):
        config(her=True, her_k=0)
    with pytest.raises(UserError, match="her_strategy"):
        config(her=True, her_strategy="past")


def test_an_environment_that_failed_breaks_its_episode_off() -> None:
    one, envs = agent("dqn", "drl/BitFlip-v0")
    obs = trained(one, envs, envs.reset()[0], 0, 15)
    one.interrupt_episodes(np.array([True, False, False]))
    replay = one.replay
    assert (replay.left[: len(replay)] >= 0).all() and (
        replay.first == len(replay) + np.arange(3)
    ).all()
    trained(one, envs, obs, 15, 60)


def test_masks_stay_with_their_transitions() -> None:
    """Of a goal environment that has some."""
    one, _ = agent("dqn", "drl/BitFlip-v0", num_envs=1, her_k=1, learning_starts=10**6)
    rng, obs = np.random.default_rng(0), np.zeros((1, 36), np.float32)
    for step in range(60):
        following = np.zeros((1, 36), np.float32)
        following[0, :24] = np.tile(rng.integers(2, size=12), 2)
        following[0, 24] = 1 - following[0, 12]  # never what is wanted
        masks = rng.random((2, 1, 12)) < 0.5
        masks[..., 0] = masks[..., step % 12] = True
        action = one.act(obs, 0, masks[0])
        info = {"action_mask": masks[1], "final_action_mask": masks[1]}
        ended = np.array([step % 5 == 4])
        one.observe(
            obs, action, Step(following, np.array([-1.0]), ended & False, ended, following, info)
        )  # fmt: skip
        obs = following
    batch: Batch = one.replay.sample()
    assert batch.mask[np.arange(16), batch.a].all() and batch.next_mask[:, 0].all()


# -- it learns ------------------------------------------------------------------------------------
def gaps(policy: Any, id: str, best_returns: Any) -> np.ndarray:
    """Of 200 episodes: by how much the return is below the best one."""
    envs: Any = make(id, 200, 7)
    obs, _ = envs.reset()
    best = best_returns(*envs.rows.reshape(2, -1, 200).swapaxes(1, 2))
    total, alive = np.zeros(200), np.ones(200, bool)
    for _ in range(envs.time_limit):
        step = envs.step(policy.act_batch(obs))
        total += alive * step.reward
        alive &= ~(step.terminated | step.truncated)
        obs = step.obs
    gap: np.ndarray = best - total
    return gap


def learnt(name: str, her: bool, seed: int, **more: Any) -> Any:
    return drl.train(name, AGENTS[name], seed=seed, her=her, eval_every=10**6, progress=False,
                     **more).policy  # fmt: skip


def test_bits_are_flipped_at_once_and_never_without() -> None:
    found = gaps(learnt("dqn", True, 1), AGENTS["dqn"], bit_flip.best_returns)
    assert (found == 0).mean() > 0.9 and found.min() == 0
    without = gaps(learnt("dqn", False, 1), AGENTS["dqn"], bit_flip.best_returns)
    assert without.mean() > 5  # of 12 steps 6 are enough


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_point_goes_straight_to_its_place_and_nowhere_without(seed: int) -> None:
    """SAC after 5,000 steps."""
    found = gaps(learnt("sac", True, seed, steps=5_000), AGENTS["sac"], reach.best_returns)
    assert found.mean() < 2 and found.min() == 0 and np.median(found) <= 1
    without = gaps(learnt("sac", False, seed, steps=5_000), AGENTS["sac"], reach.best_returns)
    assert without.mean() > 30
