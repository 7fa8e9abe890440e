"""PPO and A2C with a GRU: sequences, states, gradients; whole runs that remember."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from shell import CATCH, ROOT, Shell, killed_and_resumed

import drl
from agents import ExperimentConfig, RecurrentPolicy, evaluate
from agents.ppo.agent import PPO
from agents.ppo.build import build_ppo
from agents.ppo.config import PPOConfig
from agents.ppo.passes import EpisodeByEpisode
from agents.ppo.phase import Rows
from agents.setup import Setup
from drl.environment import Step
from drl.errors import UserError
from drl.nn.gradcheck import numerical_gradient, relative_error
from envs import make
from envs.probes import ProbeMemory

T, N = 6, 3
SMALL = PPOConfig(n_steps=T, batch_size=2 * T, n_epochs=2, hidden=(4,), ent_coef=0.05,
                  policy_gain=0.5, recurrent=True, recurrent_units=3)  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "apart": {}, "shared": {"shared": True}, "cut": {"sequence_length": 2},
    "normalised": {"normalise_obs": True, "normalise_reward": True},
}  # fmt: skip
each_kind = pytest.mark.parametrize("kind", KINDS)
SPACES = {"discrete": Discrete(3, start=2), "numbers": Box(-2.0, 4.0, (2,), np.float32)}


def ppo(kind: str = "apart", space: str = "discrete", **more: Any) -> PPO:
    about = Setup(Box(-9, 9, (4,), np.float32), SPACES[space], N, **more)
    return build_ppo(replace(SMALL, **KINDS[kind]), about)


class Walk:
    """Random observations, with ends of both kinds; now and then an environment fails."""

    def __init__(self, seed: int = 1, fails: float = 0.0) -> None:
        self.rng, self.fails = np.random.default_rng(seed), fails
        self.obs = self.rng.normal(size=(N, 4)).astype(np.float32)

    def fill(self, agent: PPO) -> None:
        """Until a rollout is full."""
        while not agent.rollout.full:
            action = agent.act(self.obs, 0)
            after, final = self.rng.normal(size=(2, N, 4)).astype(np.float32)
            ends = self.rng.random((2, N)) < 0.2
            if self.rng.random() < self.fails:
                agent.interrupt_episodes(np.array([True, False, False]))
            else:
                agent.observe(self.obs, action, Step(after, self.rng.normal(size=N), *ends, final))
            self.obs = after


# -- what a rollout becomes -----------------------------------------------------------------------
@each_kind
@pytest.mark.parametrize("fails", [0.0, 0.3])
def test_before_the_first_step_the_policy_is_the_one_that_acted(kind: str, fails: float) -> None:
    """In every minibatch, of every rollout: the states that sequences begin in are those in which
    it acted, whatever has ended, was cut, or failed."""
    agent, walk = ppo(kind), Walk(fails=fails)
    acted: list[np.ndarray] = []
    decode = agent.passes.act
    agent.passes.act = lambda obs: acted.append(z := decode(obs)) or z  # type: ignore[func-returns-value, method-assign]
    for _ in range(3):
        walk.fill(agent)
        rows = agent.prepared()
        seen = np.zeros(len(rows.a), int)
        for _, chosen in agent.passes.minibatches(T * N, 2 * T, 1, np.random.default_rng(0)):
            assert chosen is not None
            batch = agent.minibatch(rows, chosen)
            policy, value, _ = agent.gradient(batch, 0.2)
            assert np.abs(policy.log_ratio).max() < 2e-6
            y, _ = agent.passes.forward(batch)
            assert np.allclose(y[:, -1], batch.value, atol=1e-6)
            seen[chosen] += 1
        assert (seen == 1).all()
        agent.rollout.clear()
    if not fails and kind != "normalised":
        z = np.concatenate([agent.ops.numpy(each) for each in acted[-T:]])
        y, _ = agent.passes.forward(rows)
        assert np.allclose(y[:, :-1], z, atol=1e-6) or kind == "cut"


@each_kind
def test_minibatches_are_of_whole_sequences(kind: str) -> None:
    agent = ppo(kind)
    length = KINDS[kind].get("sequence_length", T)
    drawn = list(agent.passes.minibatches(T * N, 2 * T, 3, np.random.default_rng(0)))
    assert len(drawn) == 3 * agent.passes.count(T * N, 2 * T)
    for _, chosen in drawn:
        assert chosen is not None
        steps, envs = np.divmod(chosen.reshape(length, -1), N)
        assert (np.diff(steps, axis=0) == 1).all() and (np.diff(envs, axis=0) == 0).all()
        assert (steps[0] % length == 0).all()
    first = {tuple(chosen) for _, chosen in drawn if chosen is not None}
    assert len(first) > 2  # another order in each epoch


def test_values_of_true_successors_are_of_the_episode_that_was_cut() -> None:
    """V(final_obs | all of that episode), not of the new one; V(obs) of the new one from 0."""
    agent = ppo()
    agent.policy().net.params[:] *= 3.0  # so that the past matters
    policy, walk = agent.policy(), Walk(3)
    assert isinstance(policy, RecurrentPolicy)
    h, known = policy.initial(N), np.zeros((T, N))
    obs = walk.obs
    for t in range(T):
        action = agent.act(obs, 0)
        after, final = walk.rng.normal(size=(2, N, 4)).astype(np.float32)
        cut = walk.rng.random(N) < 0.3
        agent.observe(obs, action, Step(np.where(cut[:, None], after, final), np.zeros(N),
                                        np.zeros(N, bool), cut, final))  # fmt: skip
        _, h = policy.step(obs, h)
        known[t] = policy.value_after(final, h)
        h = np.where(cut[:, None], 0, h)
        obs = np.where(cut[:, None], after, final)
    rows = agent.prepared()
    assert agent.rollout.truncated.any()
    value = rows.value.reshape(T, N)
    following = (agent.gamma * known - value).astype(np.float64)  # δ with r = 0
    agent.gae_lambda = 0.0
    agent.passes.first = np.zeros_like(agent.passes.first)  # type: ignore[attr-defined]
    assert np.allclose(agent.prepared().advantage.reshape(T, N), following, atol=1e-5)


# -- the gradient ---------------------------------------------------------------------------------
def loss(agent: PPO, batch: Rows) -> float:
    policy, value, entropy = agent.gradient(batch, 0.2)
    whole = policy.loss() + agent.vf_coef * value.loss() - agent.ent_coef * entropy.mean()
    return float(whole)


@each_kind
@pytest.mark.parametrize("space", SPACES)
def test_the_whole_gradient_against_differences(kind: str, space: str) -> None:
    """Through time, of a minibatch of some sequences, in which episodes begin."""
    agent = ppo(kind, space, dtype="float64", backend="numpy")
    Walk().fill(agent)
    rows = agent.prepared()
    ((_, chosen), *_) = agent.passes.minibatches(T * N, 2 * T, 1, np.random.default_rng(0))
    assert chosen is not None
    batch = agent.minibatch(rows, chosen)
    assert batch.starts is not None and batch.starts.any()
    agent.net.params[:] += 0.05 * np.random.default_rng(2).normal(size=agent.net.size)
    agent.gradient(batch, 0.2)
    analytic = agent.net.grads.copy()
    numeric = numerical_gradient(lambda: loss(agent, batch), agent.net.params)
    assert relative_error(analytic, numeric) < 1e-7
    span = agent.net.spans  # what was seen earlier has its part in the recurrent weights
    assert any(np.abs(analytic[span[name]]).max() > 0 for name in span if "gru" in name)


def test_both_libraries_learn_the_same() -> None:
    pytest.importorskip("torch")
    agents = [ppo(dtype="float64", backend=name) for name in ("numpy", "torch")]
    for agent in agents:
        walk = Walk()
        for _ in range(2):
            walk.fill(agent)
            while agent.due(0):
                agent.learn()
    one, other = (agent.ops.numpy(agent.net.params) for agent in agents)
    assert np.allclose(one, other, atol=1e-9) and agents[0].updates == 8


# -- what is kept ---------------------------------------------------------------------------------
def test_states_are_kept_in_the_middle_of_a_rollout() -> None:
    agent, walk = ppo(), Walk()
    walk.fill(agent)
    while agent.due(0):
        agent.learn()
    for _ in range(2):  # steps of the next rollout
        action = agent.act(walk.obs, 0)
        none = np.zeros(N, bool)
        agent.observe(walk.obs, action, Step(walk.obs, np.ones(N), none, none, walk.obs))
    other = ppo(seed=2)
    other.load_state(agent.state())
    assert isinstance(other.passes, EpisodeByEpisode) and other.passes.h.any()
    for one in (agent, other):
        again = Walk(5)
        again.fill(one)
        while one.due(0):
            one.learn()
    assert np.array_equal(agent.net.params, other.net.params)
    with pytest.raises((ValueError, KeyError)):
        other.load_state(agent.state() | {"passes": {"h": np.zeros((N, 2)), "first": 0}})


def test_killed_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    shell = Shell(ROOT, tmp_path / "shell")
    small = ("--recurrent", "--recurrent-units", "8", "--hidden", "8", "--n-steps", "16",
             "--n-epochs", "2")  # fmt: skip
    killed_and_resumed(shell, "ppo", "9000", (*CATCH, *small))
    assert "every byte is the same" in shell.drl("verify", "whole")[0]
    score = shell.json("evaluate", "whole", "--episodes", "20")
    assert score == shell.json("evaluate", "whole/checkpoints/best.safetensors", "--episodes", "20")
    shell.drl("watch", "whole", "--out", "episode.gif")
    shell.drl("export", "whole", "--out", "net.npz")
    description = json.loads(str(np.load(shell.directory / "net.npz")["description"]))
    assert description["state_size"] == 8  # the actor's alone


# -- what it learns -------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("recurrent") / "run"
    experiment = ExperimentConfig(steps=8_000, num_envs=8, eval_every=8_000, log="minimal")
    config = PPOConfig(n_steps=16, batch_size=128, lr=5e-3, lr_end=0.0, recurrent=True,
                       hidden=(16,), recurrent_units=16)  # fmt: skip
    drl.train("ppo", "drl/ProbeMemory-v0", run=directory, config=config, experiment=experiment,
              progress=False)  # fmt: skip
    return directory


def test_it_remembers_a_cue(run: Path) -> None:
    loaded = drl.load_run(run)
    assert loaded.evaluate(episodes=100).mean == 1.0
    assert loaded.evaluate(episodes=100, sample=True).mean > 0.9


def test_its_policy_is_asked_with_a_state(run: Path) -> None:
    policy: Any = drl.load_policy(run / "checkpoints" / "best.safetensors")
    cues = np.eye(2, dtype=np.float32)
    actions, h = policy.predict(cues)
    for _ in range(3):
        actions, h = policy.predict(0 * cues, h)
    assert actions.tolist() == [0, 1] and h.shape == (2, 32)  # actor's and critic's
    drawn, _ = policy.predict(0 * cues, h, deterministic=False)
    assert drawn.shape == (2,)
    for ask in (policy, policy.probs, policy.value, lambda obs: policy.log_prob(obs, actions)):
        with pytest.raises(UserError, match="remembers what it has seen"):
            ask(cues)
    assert evaluate(policy.sampled(1), ProbeMemory(num_envs=10, seed=1), 50).mean > 0.8


def test_its_policy_is_drawn_at_the_start_of_episodes(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """Maps over the plane of CartPole's states, with how sure it is."""
    drl.train(
        "ppo", "CartPole-v1", steps=256, num_envs=4, n_steps=32, batch_size=64, recurrent=True,
        hidden=(8,), recurrent_units=8, eval_episodes=1, run=tmp_path, progress=False,
    )  # fmt: skip
    assert not [str(warning.message) for warning in recwarn if "map" in str(warning.message)]
    shown = {tag.decode() for tag in re.findall(rb"policy/[a-z_]+", events_of(tmp_path))}
    assert {"policy/sure", "policy/value", "policy/greedy_action"} <= shown


def events_of(run: Path) -> bytes:
    return b"".join(file.read_bytes() for file in run.glob("events.*"))


@pytest.mark.parametrize("form", ["net.npz", "net.pt", "net.onnx"])
def test_what_is_exported_remembers(form: str, run: Path, tmp_path: Path) -> None:
    """The code that is printed, step by step: the same actions."""
    pytest.importorskip({"net.npz": "numpy", "net.pt": "torch", "net.onnx": "onnxruntime"}[form])
    cues = np.eye(2, dtype=np.float32)
    code = drl.load_run(run).export(tmp_path / form).code
    names: dict[str, Any] = {"x": cues}
    exec(compile(code, form, "exec"), names)
    if form == "net.pt":
        torch = names["torch"]
        h = torch.zeros(2, 16)
        for x in (cues, *[0 * cues] * 3):
            y, h = names["net"](torch.from_numpy(x), h)
        z = y.detach().numpy()
    else:
        *_, last = code.strip().splitlines()
        names["x"] = 0 * cues
        for _ in range(3):
            exec(compile(last, form, "exec"), names)
        z = names["y"]
    assert z.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.slow
def test_cartpole_without_its_velocities() -> None:
    """The preset's last policies; without a memory none comes near."""
    means = []
    for seed in (21, 22, 23):
        result = drl.train("ppo", "drl/CartPolePositions-v1", seed=seed, progress=False)
        envs = make("drl/CartPolePositions-v1", 100, seed=seed + 1_000)
        means.append(evaluate(result.agent.policy(), envs, 100).mean)
    assert np.mean(means) >= 475, means


def test_what_is_seen_are_the_positions() -> None:
    whole, part = (make(id, 3, seed=4) for id in ("CartPole-v1", "drl/CartPolePositions-v1"))
    seen, shown = whole.reset()[0], part.reset()[0]
    for action in (0, 1, 1, 0):
        assert np.array_equal(shown, seen[:, [0, 2]]) and shown.dtype == np.float32
        steps = [env.step(np.full(3, action)) for env in (whole, part)]
        assert np.array_equal(steps[0].reward, steps[1].reward)
        seen, shown = (step.obs for step in steps)


def test_a_length_that_does_not_fit_is_one_line() -> None:
    with pytest.raises(UserError, match="sequence_length=5.* a divisor of `n_steps`, 6"):
        replace(SMALL, sequence_length=5)
