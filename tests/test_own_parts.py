"""Parts of one's own in every family but DQN's: each is what the agent then is made of; runs with
them go on to the same bytes, and say what a part has replaced.   (DQN's: test_parts.py.)"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from test_ppo import fill as fill_ppo
from test_ppo import loss as ppo_loss
from test_pqn import fill as fill_pqn
from test_sac_gradients import climbed, observations, with_alpha
from trained import assert_same, latest

import agents
from agents.ppo.build import build_a2c, build_ppo
from agents.ppo.losses import ValueFit
from agents.pqn.build import build_pqn
from agents.row import find_row
from agents.setup import Setup
from drl import MLP, UserError, load_policy, load_run, named, train
from drl.cli.main import main
from drl.nn import (
    GRU,
    Branches,
    Linear,
    Network,
    Normalise,
    Recurrent,
    Sigmoid,
    Slice,
    Tanh,
    make_ops,
)  # fmt: skip
from drl.nn.batch_renorm import batch_statistics
from drl.nn.gradcheck import numerical_gradient, relative_error

OWN = '''
from functools import partial

import numpy as np

from agents import EpsilonGreedy
from agents.ppo.losses import PolicyFit, ValueFit
from drl import MLP
from drl.nn.schedules import Cosine

narrow = partial(MLP, hidden=(7,), activation="sigmoid", backend="numpy")
wide = partial(MLP, hidden=(9,), activation="tanh", backend="numpy")
cosine = Cosine(1e-3, 1e-4, 2_000)


def half(step):
    return 0.5


def tenth(step):
    return 0.1


def pulled(ops, log_prob, old_log_prob, advantage, clip):
    """L = -mean A log pi, scaled by what it is given for clip."""
    scale = 1.5 + clip
    return PolicyFit(
        advantage * (-scale / len(advantage)), log_prob - old_log_prob,
        lambda: -scale * float(ops.mean(advantage * log_prob)),
    )


def fourth_power(ops, v, old_v, returns):
    error = v - returns
    cubed = error * error * error
    return ValueFit(cubed * (4 / len(error)), lambda: float(ops.mean(cubed * error)))


class Both:
    """As EpsilonGreedy, with other draws."""

    def __init__(self, epsilon, actions, num_envs, rng):
        rng.random()
        self.inner = EpsilonGreedy(epsilon, actions, rng)
        self.epsilon = epsilon
        self.state, self.load_state = self.inner.state, self.inner.load_state

    def __call__(self, greedy, env_steps, mask=None):
        return self.inner(greedy, env_steps, mask)


class Drift:
    """Noise that wanders: x <- 0.9 x + 0.3 N(0, 1), one for each number of an action."""

    def __init__(self, k, num_envs, rng):
        self.rng, self.x = rng, np.zeros((num_envs, k), np.float32)

    def __call__(self, greedy, env_steps):
        self.x = 0.9 * self.x + 0.3 * self.rng.standard_normal(self.x.shape, np.float32)
        return greedy + self.x

    def state(self):
        return {"rng": self.rng.bit_generator.state, "x": self.x.copy()}

    def load_state(self, state):
        self.rng.bit_generator.state, self.x = state["rng"], state["x"].copy()
'''
EVALUATED = {"eval_every": 64, "eval_episodes": 1, "progress": False}
ROLLOUTS = {"num_envs": 2, "n_steps": 16, **EVALUATED}
REPLAYED = {"num_envs": 2, "learning_starts": 32, "batch_size": 16, **EVALUATED}
NETS = {"net": "own.py:narrow", "critic_net": "own.py:wide"}
LOSSES = {"policy_loss": "own.py:pulled", "value_loss": "own.py:fourth_power"}
ALL: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {  # env, every part, settings
    "ppo": (
        "CartPole-v1", NETS | LOSSES | {"lr": "own.py:cosine", "clip": "own.py:tenth"},
        {**ROLLOUTS, "batch_size": 16, "n_epochs": 2},
    ),
    "a2c": ("Pendulum-v1", NETS | LOSSES | {"lr": "own.py:cosine"}, ROLLOUTS),
    "pqn": (
        "CartPole-v1",
        {"net": "own.py:narrow", "lr": "own.py:cosine", "epsilon": "own.py:half",
         "exploration": "own.py:Both"},
        {**ROLLOUTS, "batch_size": 16},
    ),
    "sac": ("Pendulum-v1", NETS | {"lr": "own.py:cosine"}, REPLAYED),
    "td3": (
        "Pendulum-v1", NETS | {"lr": "own.py:cosine", "exploration": "own.py:Drift"}, REPLAYED,
    ),
    "tqc": ("Pendulum-v1", NETS | {"lr": "own.py:cosine"}, {**REPLAYED, "critics": 3}),
    "crossq": ("Pendulum-v1", NETS | {"lr": "own.py:cosine"}, REPLAYED),
}  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN)


def trained(name: str, parts: dict[str, Any] | None = None, **more: Any) -> Any:
    """64 env steps, with every part or those given."""
    env, every, settings = ALL[name]
    own = find_row(name).parts(**(every if parts is None else parts))  # type: ignore[misc]
    return train(name, env, parts=own, **{"steps": 64, **settings, **more})


def activations(net: Network) -> set[str]:
    return {type(layer).__name__ for _, layer, _ in net.stages()}


# -- a run with all of them -----------------------------------------------------------------------
@pytest.mark.parametrize("name", ALL)
def test_a_run_with_every_part_goes_on_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    trained(name, run="whole", steps=128)
    trained(name, run="half")
    load_run("half").resume(steps=128, progress=False)
    assert_same(latest(Path("whole"))["task"]["agent"], latest(Path("half"))["task"]["agent"])
    kept = json.loads(Path("half", "config.json").read_text())["settings"]["parts"]
    assert kept == {part: f"{tmp_path / 'own.py'}:{what.split(':')[1]}"
                    for part, what in ALL[name][1].items()}  # fmt: skip
    with pytest.raises(UserError, match="`lr` would change nothing: the run has your own lr"):
        load_run("half").resume(steps=192, lr=0.1, progress=False)
    assert main(["verify", "half"]) == 0
    assert main(["evaluate", "half", "--episodes", "1"]) == 0


@pytest.mark.parametrize("name", ALL)
def test_each_part_changes_what_is_learnt(name: str) -> None:
    plain = trained(name, {}).net.params
    for part, what in ALL[name][1].items():
        own = {"net": "own.py:narrow"} if part == "critic_net" else {}
        if part == "clip":  # by a loss that is sure to look at it
            own, plain = LOSSES, trained(name, LOSSES).net.params
        other = trained(name, own | {part: what}).net.params
        assert other.shape != plain.shape or not np.array_equal(other, plain), part


@pytest.mark.parametrize("name", ALL)
def test_what_a_part_replaces_is_refused_beside_it(name: str) -> None:
    with pytest.raises(UserError, match="`lr` would change nothing: the run has your own lr"):
        trained(name, {"lr": "own.py:cosine"}, lr=0.1)
    with pytest.raises(UserError, match="`hidden` would change nothing: the run has your own net"):
        trained(name, {"net": "own.py:narrow"}, hidden=(8,))
    trained(name, {"lr": "own.py:cosine"}, hidden=(8,))


@pytest.mark.parametrize(
    ("name", "part", "setting"),
    [
        ("ppo", {"value_loss": "own.py:fourth_power"}, {"clip_range_vf": 0.2}),
        ("ppo", {"clip": "own.py:tenth"}, {"clip_range": 0.1}),
        ("ppo", {"net": "own.py:narrow"}, {"recurrent": True}),
        ("pqn", {"epsilon": "own.py:half"}, {"epsilon_end": 0.1}),
        ("pqn", {"net": "own.py:narrow"}, {"layer_norm": True}),
        ("td3", {"exploration": "own.py:Drift"}, {"action_noise": 0.2}),
        ("crossq", {"net": "own.py:narrow"}, {"renorm_warm_up": 9}),
    ],
)
def test_nothing_is_ignored_silently(name: str, part: Any, setting: Any) -> None:
    (word,) = setting
    with pytest.raises(UserError, match=f"`{word}` would change nothing: the run has your own "):
        trained(name, part, **setting)


# -- networks -------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ALL)
def test_a_policy_s_file_wants_its_networks_again(name: str, tmp_path: Path) -> None:
    net = partial(MLP, hidden=(7,), activation="sigmoid", backend="numpy")
    critic = partial(MLP, hidden=(9,), activation="tanh", backend="numpy")
    own = {"net": net} if name == "pqn" else {"net": net, "critic_net": critic}
    found = trained(name, own, run="run")
    assert "Sigmoid" in activations(found.agent.net)
    path = tmp_path / "policy.safetensors"
    found.policy.save(path)
    obs = np.zeros((3, *found.policy.shape), np.float32)
    again = load_policy(path, **own)
    assert np.array_equal(again(obs), found.policy(obs))
    assert np.array_equal(again.value(obs), found.policy.value(obs))
    again.save("again.safetensors")
    assert Path("again.safetensors").read_bytes() == path.read_bytes()
    with pytest.raises(UserError, match="trained with a network of your own: give it as net="):
        load_policy(path)
    if name != "pqn":
        with pytest.raises(UserError, match="own for its critic: give it as critic_net="):
            load_policy(path, net=net)
    with pytest.raises(UserError, match="fits"):
        load_policy(path, **own | {"net": partial(MLP, hidden=(8,))})
    with pytest.raises(UserError, match="nothing names: give parts="):
        load_run("run").resume(steps=128, progress=False)
    parts = find_row(name).parts(**own)  # type: ignore[misc]
    assert load_run("run").resume(steps=128, parts=parts, progress=False).env_steps >= 128
    trained(name, own, run="second", init_from="run")
    assert load_run("second").settings["init_from"] == str(tmp_path / "run")


@pytest.mark.parametrize("name", [name for name in ALL if name != "pqn"])
def test_one_network_is_the_actor_s_and_the_critic_s(name: str) -> None:
    agent = trained(name, {"net": "own.py:narrow"}).agent
    for net in (agent.net, getattr(agent, "critic_net", agent.net)):
        assert "Sigmoid" in activations(net) and not {"Tanh", "ReLU"} & activations(net)
    both = trained(name, NETS).agent
    assert {"Sigmoid", "Tanh"} <= activations(both.net) | activations(
        getattr(both, "critic_net", both.net)
    )
    with pytest.raises(UserError, match="your own critic_net comes without a net"):
        trained(name, {"critic_net": "own.py:wide"})


def test_actor_and_critic_begin_where_the_user_s_networks_do() -> None:
    made: list[Network] = []

    def remembered(shape: Any, outputs: int, /, *, seed: Any) -> Network:
        made.append(MLP(shape, outputs, (6,), backend="numpy", seed=seed))
        return made[-1]

    setup = Setup(Box(-1, 1, (4,)), Discrete(3), 2)
    agent = build_ppo(agents.PPOConfig(), setup, agents.PPOParts(net=remembered))
    assert [net.output_shapes[-1] for net in made] == [(3,), (1,)]
    assert np.array_equal(agent.net.params, np.concatenate([net.params for net in made]))
    assert not np.array_equal(made[0].params[:24], made[1].params[:24])  # one stream, two draws


@pytest.mark.parametrize("name", ["tqc", "td3"])
def test_each_critic_is_a_network_of_its_own(name: str) -> None:
    row = find_row(name)
    setup = Setup(Box(-1, 1, (3,)), Box(-2, 2, (2,), np.float32), 2)
    parts = row.parts(net=partial(MLP, hidden=(5,)))  # type: ignore[misc]
    agent: Any = row.build(row.config(), setup, parts)
    critic = agent.critic
    assert len(agent.critic_net.layers[-1].branches) == critic.critics
    assert agent.critic_net.size == critic.critics * (5 * 5 + 5 + 5 * critic.values + critic.values)
    first, second = (agent.critic_net.spans[f"branches0.q{i}.linear0"] for i in (1, 2))
    assert not np.array_equal(agent.critic_net.params[first], agent.critic_net.params[second])
    assert np.array_equal(agent.targets.target_net.params, agent.critic_net.params)


def normalising(shape: Any, outputs: int, /, *, seed: Any) -> Network:
    layers = [Normalise(), Linear(6), Tanh(), Linear(outputs)]
    return Network(layers, shape, make_ops("numpy"), seed)


def of_state_and_action(shape: Any, outputs: int, /, *, seed: Any) -> Network:
    """Pendulum's 3 numbers of s normalised, its 1 of a as it is."""
    both = Branches({"s": [Slice(0, 3), Normalise()], "a": [Slice(3, 4)]})
    layers = [both, Linear(6), Tanh(), Linear(outputs)]
    return Network(layers, shape, make_ops("numpy"), seed)


@pytest.mark.parametrize("name", ALL)
def test_statistics_of_an_own_network_move(name: str) -> None:
    replayed = "learning_starts" in ALL[name][2]
    own = {"net": normalising} | ({"critic_net": of_state_and_action} if replayed else {})
    agent = trained(name, own, steps=96).agent
    for net in (agent.net, getattr(agent, "critic_net", agent.net)):
        means = [array for of, array in net.buffers.items() if of.endswith("mean")]
        assert means and all(mean.any() for mean in means)
    with pytest.raises(UserError, match="one of your own needs drl.Normalise"):
        trained(name, {"net": "own.py:narrow"}, normalise_obs=True)
    if replayed:
        with pytest.raises(UserError, match=r"normalises \(4,\), an observation has \(3,\)"):
            trained(name, {"net": normalising})


def remembering(shape: Any, outputs: int, /, *, seed: Any) -> Recurrent:
    return Recurrent([Linear(4), Tanh(), GRU(3), Linear(outputs)], shape, make_ops("numpy"), seed)


@pytest.mark.parametrize("name", ["ppo", "a2c"])
def test_a_network_with_a_state_makes_an_agent_that_remembers(name: str) -> None:
    same = {"anneal_steps": 1_000}
    found = trained(name, {"net": remembering}, run="whole", steps=128, **same)
    assert found.policy.state_size == 6
    parts = find_row(name).parts(net=remembering)  # type: ignore[misc]
    trained(name, {"net": remembering}, run="half", **same)
    load_run("half").resume(steps=128, parts=parts, progress=False)
    assert_same(latest(Path("whole"))["task"]["agent"], latest(Path("half"))["task"]["agent"])


@pytest.mark.parametrize(
    ("name", "parts", "said"),
    [
        ("sac", {"net": remembering}, "carries a state from step to step"),
        ("pqn", {"net": remembering}, "carries a state from step to step"),
        (
            "ppo",
            {"net": remembering, "critic_net": partial(MLP, hidden=(4,))},
            "both carry a state",
        ),
        ("ppo", {"net": lambda s, n, *, seed: MLP(s, 7, (3,))}, "gives (7,), the agent needs (2,)"),
        ("sac", {"net": lambda s, n, *, seed: MLP(s, 7, (3,))}, "gives (7,), the agent needs (2,)"),
        ("ppo", {"lr": lambda step: "much"}, "your own lr gives no number at step 0"),
        ("sac", {"lr": lambda step: float("nan")}, "your own lr gives nan at step 0"),
        ("td3", {"exploration": type("Less", (), {})}, "cannot be made of (k, num_envs, rng)"),
        ("ppo", {"lr": lambda step: -1.0}, "your own lr gives -1.0 at step 0"),
        ("ppo", {"clip": lambda step: -0.2}, "your own clip gives -0.2 at step 0"),
        ("ppo", {"net": lambda s, n: MLP(s, n, (3,))}, "is asked for by net(shape, outputs, seed="),
        (
            "sac",
            {"net": lambda s, n, *, seed: MLP(s, n, (3,), "no")},
            "cannot be built (ValueError",
        ),
        ("pqn", {"net": lambda s, n, *, seed: None}, "your own network is a NoneType: give a func"),
        ("a2c", {"net": 3}, "your own network cannot be built (TypeError"),
        ("ppo", {"policy_loss": lambda ops, x: 1}, "your own policy_loss failed (TypeError"),
        ("ppo", {"policy_loss": lambda *given: (given[1], 0)}, "gives a tuple: expected PolicyFit"),
        (
            "a2c",
            {"value_loss": lambda *given: None},
            "your own value_loss gives None: expected Val",
        ),
        (
            "ppo",
            {"value_loss": lambda ops, v, *rest: ValueFit(v[:, None], lambda: 0.0)},
            "your own value_loss gives dv of shape (16, 1): expected (16,)",
        ),
        (
            "pqn",
            {"exploration": divmod},
            "exploration is a builtin_function_or_method without state",
        ),
        ("td3", {"exploration": divmod}, "without state, load_state: give an object"),
    ],
)
def test_what_cannot_be_is_one_line(name: str, parts: Any, said: str) -> None:
    with pytest.raises(UserError) as error:
        trained(name, parts)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_what_cannot_be_called_is_no_part() -> None:
    for kind, part in (
        (agents.PPOParts, "policy_loss"), (agents.A2CParts, "value_loss"),
        (agents.PPOParts, "clip"), (agents.PQNParts, "epsilon"),
        (agents.SACParts, "lr"), (agents.Parts, "bootstrap"),
    ):  # fmt: skip
        for wrong in (3, float):
            with pytest.raises(UserError, match=f"your own {part} is .*: give a function"):
                kind(**{part: wrong})


def test_parts_of_another_agent_are_refused() -> None:
    with pytest.raises(UserError, match="parts is a Parts, ppo takes PPOParts of agents.ppo.parts"):
        train("ppo", "CartPole-v1", parts=agents.Parts(), steps=64, progress=False)


def test_exploration_of_another_shape_is_told() -> None:
    class Wrong:
        def __call__(self, greedy: Any, env_steps: int) -> Any:
            return greedy[:, 0]

        def state(self) -> dict[str, Any]:
            return {}

        def load_state(self, state: Any) -> None: ...

    with pytest.raises(UserError, match=r"actions of shape \(2,\): give numbers of the shape"):
        trained("td3", {"exploration": Wrong()})


class Answers:
    """An exploration that gives what it is told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def epsilon(self, step: int) -> float:
        return 0.5

    def __call__(self, greedy: Any, env_steps: int, mask: Any = None) -> Any:
        return self.answer(greedy)

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: Any) -> None: ...


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda greedy: None, "gives object of shape ()"),
        (lambda greedy: greedy[:1], "of shape (1,): give the numbers of the actions, whole ones"),
        (lambda greedy: greedy + 0.5, "gives float64 of shape (2,)"),
        (lambda greedy: greedy * 0 + 2, "gives the actions 2 … 2: give numbers from 0 to 1"),
        (lambda greedy: 1 / 0, "your own exploration failed (ZeroDivisionError: division by zero"),
    ],
)
@pytest.mark.parametrize("name", ["dqn", "pqn"])
def test_actions_that_are_none_are_told(name: str, answer: Any, said: str) -> None:
    own = find_row(name).parts(exploration=Answers(answer))  # type: ignore[misc]
    with pytest.raises(UserError) as error:
        train(name, "CartPole-v1", parts=own, num_envs=2, steps=1_024, progress=False)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_continuous_actions_that_are_no_numbers_are_told() -> None:
    for answer, said in ((lambda a: "much", "gives no numbers"), (lambda a: 1 / 0, "failed")):
        with pytest.raises(UserError, match=f"your own exploration {said}"):
            trained("td3", {"exploration": Answers(answer)})


def test_what_is_tried_is_cut_to_the_action_space() -> None:
    class Far:
        seen: list[int] = []

        def __call__(self, greedy: Any, env_steps: int) -> Any:
            self.seen.append(env_steps)
            return greedy + 7

        def state(self) -> dict[str, Any]:
            return {}

        def load_state(self, state: Any) -> None: ...

    agent = trained("td3", {"exploration": Far()}).agent
    assert Far.seen == list(range(32, 64, 2))  # after the random start
    assert (agent.replay.action[-8:] <= 1).all() and (agent.chosen == 1).all()


def test_the_command_takes_both_networks(tmp_path: Path) -> None:
    words = ["--env", "Pendulum-v1", "--steps", "64", "--num-envs", "2", "--learning-starts", "32",
             "--batch-size", "16", "--eval-every", "64", "--eval-episodes", "1", "--log", "none",
             "--net", "own.py:narrow", "--parts", "critic_net=own.py:wide"]  # fmt: skip
    assert main(["train", "sac", *words, "--run", "a"]) == 0
    policy: Any = load_policy(Path("a", "checkpoints", "best.safetensors"))
    assert "Tanh" in activations(policy.critic_net) and "Sigmoid" in activations(policy.net)
    assert main(["evaluate", "a/checkpoints/best.safetensors", "--episodes", "1"]) == 0


# -- gradients ------------------------------------------------------------------------------------
def smooth(backend: str) -> Any:
    """In float64, with no kinks."""
    return partial(MLP, hidden=(5, 4), activation="tanh", dtype="float64", backend=backend)


@pytest.mark.parametrize("space", [Discrete(3), Box(-2.0, 4.0, (2,), np.float32)])
@pytest.mark.parametrize("build", [build_ppo, build_a2c])
def test_the_gradient_of_own_networks_and_losses(build: Any, space: Any) -> None:
    of_ppo = build is build_ppo
    config = agents.PPOConfig if of_ppo else agents.A2CConfig
    kind = agents.PPOParts if of_ppo else agents.A2CParts
    parts = kind(net=smooth("numpy"), **{n: named.thing(w) for n, w in LOSSES.items()})
    setup = Setup(Box(-9, 9, (4,), np.float32), space, 3)
    agent = build(config(n_steps=4, ent_coef=0.05), setup, parts)
    fill_ppo(agent)
    batch = agent.prepared()
    assert agent.net.ops.dtype == np.float64
    agent.gradient(batch, 0.2)
    analytic = agent.net.grads.copy()
    numeric = numerical_gradient(lambda: ppo_loss(agent, batch, 0.2), agent.net.params)
    assert relative_error(analytic, numeric) < 1e-6


def test_the_gradient_of_an_own_network_of_pqn() -> None:
    setup = Setup(Box(-9, 9, (4,), np.float32), Discrete(3), 3)
    agent = build_pqn(agents.PQNConfig(n_steps=4), setup, agents.PQNParts(net=smooth("numpy")))
    fill_pqn(agent)
    batch = agent.prepared()
    agent.gradient(batch)
    analytic = agent.net.grads.copy()
    numeric = numerical_gradient(lambda: agent.gradient(batch)[0].loss(), agent.net.params)
    assert relative_error(analytic, numeric) < 1e-7


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", ["sac", "td3", "tqc", "crossq"])
def test_the_policy_s_gradient_through_own_networks(name: str, backend: str) -> None:
    row = find_row(name)
    spaces = Box(-np.inf, np.inf, (3,), np.float32), Box(-2, 2, (2,), np.float32)
    parts = row.parts(net=smooth(backend))  # type: ignore[misc]
    agent: Any = with_alpha(row.build(row.config(batch_size=7), Setup(*spaces), parts))  # type: ignore[arg-type]
    s = observations(agent)
    noise = agent.ops.asarray(np.random.default_rng(1).standard_normal((7, 2)))

    def loss() -> float:  # mean [α log π(a|s) − Q(s, a)]
        with batch_statistics(agent.net):
            path = agent.actor.pathwise(agent.net(s), noise)
        q, _ = agent.critic.q(agent.critic_net(agent.ops.concat([s, path.action])))
        return float(agent.ops.mean(agent.temperature.value * path.log_prob - q))

    analytic = climbed(agent, s, noise)
    assert np.abs(analytic).max() > 1e-3
    assert relative_error(analytic, numerical_gradient(loss, agent.net.params)) < 1e-6


# -- export ---------------------------------------------------------------------------------------
def squashed(shape: Any, outputs: int, /, *, seed: Any) -> Network:
    return Network([Linear(outputs), Sigmoid()], shape, make_ops("numpy"), seed)


def test_what_ends_in_no_linear_layer_is_not_exported() -> None:
    found = trained("sac", {"net": squashed, "critic_net": partial(MLP, hidden=(4,))})
    with pytest.raises(UserError, match="ends in a Linear .* ends in Sigmoid"):
        found.policy.deterministic_net()
    obs = np.zeros(3, np.float32)
    net = trained("sac", NETS).policy
    assert np.allclose(net.deterministic_net()(obs[None])[0], net(obs), atol=1e-5)
