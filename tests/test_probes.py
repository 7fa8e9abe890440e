"""The probe environments: their rules, their known values, and what faulty learners believe."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from agents import evaluate
from envs import probes
from envs.ids import OURS, own_class
from envs.probes import FAULTS, Probe, values

GAMMA = 0.6
IDS = [id for id in OURS if id.startswith("drl/Probe")]
TABLES = [own_class(id) for id in IDS if issubclass(own_class(id), Probe)]
each_table = pytest.mark.parametrize("probe", TABLES)
each_shown = pytest.mark.parametrize("probe", [probe for probe in TABLES if probe.seen is None])


KNOWN = {  # by hand
    probes.ProbeConstant: [[1.0]],
    probes.ProbeObservation: [[-1.0], [1.0]],
    probes.ProbeTwoSteps: [[0.6], [1.0]],
    probes.ProbeAction: [[-1.0, 1.0]],
    probes.ProbeActionObservation: [[1.0, -1.0], [-1.0, 1.0]],
    probes.ProbeChoice: [[0.6, 0.6], [-1.0, 1.0]],
    probes.ProbeTruncated: [[0.6 / 0.64], [1 / 0.64]],
    probes.ProbeMasked: [[-0.6, -0.6], [-1.0, np.nan]],
    probes.ProbeMemory: [
        [0.216] * 2,
        [0.216] * 2,
        [0.36] * 2,
        [0.36] * 2,
        [0.6] * 2,
        [0.6] * 2,
        [1.0, 0.0],
        [0.0, 1.0],
    ],
}


@each_table
def test_the_known_values_are_those_by_hand(probe: Any) -> None:
    assert np.allclose(values(probe, GAMMA), KNOWN[probe], atol=1e-12, equal_nan=True)


BELIEVED = {  # fault → a probe, and what a learner with it believes, by hand
    "sign": (probes.ProbeAction, [[1.0, -1.0]]),
    "termination": (probes.ProbeConstant, [[1 / (1 - 0.6)]]),
    "horizon": (probes.ProbeTwoSteps, [[0.0], [1.0]]),
    "discount": (probes.ProbeTwoSteps, [[1.0], [1.0]]),
    "truncation": (probes.ProbeTruncated, [[0.0], [1.0]]),
    "reset": (probes.ProbeTruncated, [[0.75], [1.75]]),  # the mean V is 0.5 + 0.6 of itself
    "worst": (probes.ProbeChoice, [[-0.6, -0.6], [-1.0, 1.0]]),
    "swapped": (probes.ProbeAction, [[1.0, -1.0]]),
    "blind": (probes.ProbeObservation, [[0.0], [0.0]]),
    "mute": (probes.ProbeAction, [[0.0, 0.0]]),
}


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_what_a_faulty_learner_believes(fault: str) -> None:
    probe, believed = BELIEVED[fault]
    assert np.allclose(values(probe, GAMMA, fault), believed, atol=1e-12)


@each_shown
def test_steps_are_those_of_the_tables(probe: Any) -> None:
    env = probe(num_envs=6, seed=3)
    obs, info = env.reset()
    rng, ends = np.random.default_rng(0), 0
    for _ in range(60):
        state, action = obs.argmax(axis=1), rng.integers(env.action_space.n, size=6)
        assert set(state[env.elapsed == 0]) <= set(probe.starts)
        step = env.step(action)
        assert np.array_equal(step.reward, probe.pays[state, action])
        assert np.array_equal(step.terminated, probe.ends[state, action])
        assert step.truncated.all() == (probe.time_limit == 1)
        assert np.array_equal(step.final_obs.argmax(axis=1), probe.leads[state, action])
        ends += int(step.terminated.sum() + step.truncated.sum())
        obs = step.obs
    assert ends > 60


def test_all_starts_come() -> None:
    for probe in TABLES:
        env = probe(num_envs=50, seed=1)
        env.reset()
        assert set(env.rows[0]) == set(probe.starts)


def test_a_cue_is_seen_once_and_pays_at_the_end() -> None:
    env = probes.ProbeMemory(num_envs=4, seed=2)
    obs, _ = env.reset()
    cue, paid = obs.argmax(axis=1), np.zeros(4)
    assert obs.sum(axis=1).tolist() == [1] * 4 and set(cue) == {0, 1}
    for t in range(4):
        step = env.step(cue if t == 3 else 1 - cue)
        paid += step.reward
        assert not step.final_obs.any() and step.terminated.all() == (t == 3)
    assert paid.tolist() == [1] * 4 and step.obs.sum() == 4
    for _ in range(4):
        step = env.step(1 - cue)
    assert set(step.reward) <= {0.0, 1.0}  # another cue may have come


@pytest.mark.parametrize("seed", range(3))
def test_without_a_memory_a_cue_is_worth_half(seed: int) -> None:
    """Whatever is done where nothing is seen."""
    rng = np.random.default_rng(seed)
    always = rng.integers(2, size=2)  # by what is seen: the cue's first number, or nothing

    def act(obs: np.ndarray) -> np.ndarray:
        return np.where(obs.any(axis=1), always[0], always[1])

    mean = evaluate(act, probes.ProbeMemory(num_envs=100, seed=seed), 4_000).mean
    assert abs(mean - 0.5) < 4 * 0.5 / np.sqrt(4_000)


def test_masks_are_told_and_what_ignores_them_is_counted() -> None:
    env = probes.ProbeMasked(num_envs=2)
    _, info = env.reset()
    assert info["action_mask"].tolist() == [[True, True]] * 2
    step = env.step(np.array([0, 1]))
    assert step.info["action_mask"].tolist() == [[True, False]] * 2
    assert env.taken_though_forbidden == 0
    step = env.step(np.array([0, 1]))
    assert step.reward.tolist() == [-1, 1] and env.taken_though_forbidden == 1
    assert step.info["action_mask"].tolist() == [[True, True]] * 2  # of the new episode
    assert step.info["final_action_mask"].tolist() == [[True, False]] * 2


def test_a_continuous_action_is_paid_by_how_near_it_is() -> None:
    env = probes.ProbeContinuous(num_envs=3, seed=0)
    obs, _ = env.reset()
    step = env.step(obs.copy())
    assert step.reward.tolist() == [0, 0, 0] and step.terminated.all()
    step = env.step(step.obs + np.array([[0.5], [-1.0], [0.0]], np.float32))
    assert np.allclose(step.reward, [-0.25, -1, 0])


def test_one_buffer_is_given_again_and_again() -> None:
    env = probes.ProbeBuffer()
    first, _ = env.reset(seed=1)
    second, *paid, _ = env.step(np.int64(0))
    assert first is second and paid == [0.0, False, False]
    assert env.step(np.int64(0))[1:4] == (1.0, True, False)


@pytest.mark.parametrize("id", IDS)
def test_gymnasium_has_them(id: str) -> None:
    """Its checker has nothing to say, but to a clock of one step, and to actions within ±2."""
    env = gym.make(id)
    if id not in ("drl/ProbeTruncated-v0", "drl/ProbeContinuous-v0"):
        check_env(env.unwrapped, skip_render_check=True)
    _, info = env.reset(seed=1)
    assert ("action_mask" in info) == (id == "drl/ProbeMasked-v0")
    if id in ("drl/ProbeGoals-v0", "drl/ProbeReach-v0"):  # whose episodes end sooner or later
        return
    many: Any = gym.make_vec(id, 3, vectorization_mode="vector_entry_point")
    many.reset(seed=1)
    for _ in range(4 if id == "drl/ProbeMemory-v0" else 2):
        *_, info = many.step(many.action_space.sample())
    assert info["_final_obs"].all()
    if id == "drl/ProbeMasked-v0":
        assert info["final_info"]["action_mask"].tolist() == [[True, False]] * 3
        assert info["action_mask"].all()
