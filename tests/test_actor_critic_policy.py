"""What PPO and A2C have learnt, asked: actions, probabilities, values; its files and exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

import drl
from agents.ppo.build import build_ppo
from agents.ppo.config import PPOConfig
from agents.ppo.policy import ActorCriticPolicy
from agents.setup import Setup
from drl.cli.main import main
from drl.errors import UserError

SPACES = {
    "discrete": Discrete(3, start=2),
    "several": MultiDiscrete([2, 3], start=[0, 5]),
    "bits": MultiBinary(3),
    "numbers": Box(-2.0, 4.0, (2,), np.float32),
}
OBS = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
MANY = 20_000


def policy(space: str = "discrete", **settings: Any) -> ActorCriticPolicy:
    """Of random weights that prefer some actions clearly."""
    config = PPOConfig(hidden=(8,), policy_gain=2.0, **settings)
    return build_ppo(config, Setup(Box(-9, 9, (4,), np.float32), SPACES[space])).policy()


@pytest.mark.parametrize("space", SPACES)
def test_drawn_actions_are_of_the_space_and_of_their_seed(space: str) -> None:
    one = policy(space)
    drawn, again, other = one.sampled(1)(OBS), one.sampled(1)(OBS), one.sampled(2)(OBS)
    assert np.array_equal(drawn, again) and not np.array_equal(drawn, other)
    assert all(SPACES[space].contains(action) for action in drawn)
    first = one.sampled(1)(OBS[0])
    assert np.array_equal(first, one.sampled(1)(OBS[:1])[0])


def test_they_are_drawn_by_their_probabilities() -> None:
    one = policy()
    p = one.probs(OBS)
    assert p.shape == (7, 3) and np.allclose(p.sum(axis=1), 1) and p.std() > 0.05
    assert np.allclose(one.probs(OBS[0]), p[0], atol=1e-6)
    drawn = one.sampled(1)(np.repeat(OBS[:1], MANY, axis=0))
    shares = np.bincount(drawn - 2, minlength=3) / MANY
    assert np.abs(shares - p[0]).max() < 4 * np.sqrt(0.25 / MANY)
    assert np.array_equal(one(OBS), p.argmax(axis=1) + 2)


def test_log_probabilities_of_the_environment_s_actions() -> None:
    one = policy()
    actions = np.array([2, 3, 4, 2, 3, 4, 2])
    assert np.allclose(one.log_prob(OBS, actions), np.log(one.probs(OBS)[range(7), actions - 2]))
    assert one.log_prob(OBS[0], 3) == pytest.approx(float(one.log_prob(OBS[:1], [3])[0]))
    with pytest.raises(UserError, match="actions of shape"):
        one.log_prob(OBS, actions[:3])


@pytest.mark.parametrize("space", ["several", "bits", "numbers"])
def test_log_probabilities_of_other_spaces(space: str) -> None:
    one = policy(space)
    likely = one.log_prob(OBS, one(OBS))
    assert likely.shape == (7,) and (likely >= one.log_prob(OBS, one.sampled(1)(OBS))).all()
    with pytest.raises(UserError, match="no table of probabilities"):
        one.probs(OBS)


def test_a_density_is_in_units_of_half_the_space() -> None:
    one = policy("numbers", log_std_init=0.0)
    mode = one(OBS)
    inside = (np.abs(mode - 1) < 3).all(axis=1)  # else the mode was clipped
    assert inside.any()
    assert np.allclose(one.log_prob(OBS, mode)[inside], -np.log(2 * np.pi), atol=1e-5)


def test_masked_probabilities_are_zero() -> None:
    one = policy()
    mask = np.array([True, False, True])
    p = one.probs(OBS[0], mask)
    assert p[1] == 0 and p.sum() == pytest.approx(1)
    assert set(one.sampled(1)(np.repeat(OBS[:1], 200, axis=0), np.tile(mask, (200, 1)))) <= {2, 4}


def test_predict_draws_where_it_is_asked_to() -> None:
    one = policy()
    greedy, state = one.predict(OBS, state="kept")
    assert np.array_equal(greedy, one(OBS)) and state == "kept"
    many = np.repeat(OBS[:1], 200, axis=0)
    first, second = (one.predict(many, deterministic=False)[0] for _ in range(2))
    assert len(set(first)) > 1 and not np.array_equal(first, second)


def test_evaluations_of_drawn_actions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    drl.train("ppo", "CartPole-v1", steps=2_048, run=run, progress=False)
    found = {}
    for flags in ([], ["--sample"], ["--sample"]):
        assert main(["evaluate", str(run), "--episodes", "20", "--json", *flags]) == 0
        numbers = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert numbers["sampled"] == bool(flags)
        found.setdefault(bool(flags), []).append(numbers["mean_reward"])
    assert found[True][0] == found[True][1] != found[False][0]
    loaded = drl.load_run(run)
    assert loaded.evaluate(episodes=20, sample=True).mean == found[True][0]


def test_greedy_policies_cannot_be_drawn_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drl.train("dqn", "drl/Catch-v0", steps=600, run=tmp_path / "run", progress=False)
    assert main(["evaluate", str(tmp_path / "run"), "--sample"]) == 2
    assert "no probabilities to draw one by: leave --sample out" in capsys.readouterr().err


# -- exports --------------------------------------------------------------------------------------
def acted(space: str, y: np.ndarray, squash: bool) -> np.ndarray:
    """The most probable action, as the file's words have it."""
    if space == "discrete":
        return y.argmax(axis=1) + 2
    if space == "several":
        return np.stack([y[:, :2].argmax(axis=1), y[:, 2:].argmax(axis=1) + 5], axis=1)
    if space == "bits":
        return y > 0
    inside = np.tanh(y) if squash else np.clip(y, -1, 1)
    return -2 + (inside + 1) / 2 * 6


@pytest.mark.parametrize("settings", [{}, {"shared": True}, {"squash": True}])
@pytest.mark.parametrize("space", SPACES)
def test_the_exported_network_chooses_the_same_actions(
    space: str, settings: dict[str, bool], tmp_path: Path
) -> None:
    one = policy(space, **settings)
    net = one.deterministic_net()
    y = net.ops.numpy(net(OBS))
    assert np.allclose(acted(space, y, "squash" in settings), one(OBS), atol=1e-5)
    about = one.about()
    assert about["outputs"] == one.head.words and f"outputs: {one.head.words}" in one.told()
    if space == "numbers":
        assert ("tanh(m)" in about["outputs"]) == ("squash" in settings)


@pytest.mark.parametrize("form", ["npz", "pt", "onnx"])
def test_a_run_is_exported_in_every_form(form: str, tmp_path: Path) -> None:
    if form == "pt":
        pytest.importorskip("torch")
    if form == "onnx":
        pytest.importorskip("onnx")
    run = tmp_path / "run"
    drl.train("ppo", "CartPole-v1", steps=2_048, run=run, progress=False)
    exported = drl.load_run(run).export(tmp_path / f"net.{form}")
    assert exported.net.output_shapes[-1] == (2,) and "logits" in exported.about["outputs"]
    assert [type(layer).__name__ for layer in exported.net.layers].count("Linear") == 3
