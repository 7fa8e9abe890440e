"""What a Python user meets: public names, `train`, policies that are saved and loaded."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from made import dqn
from made import policy as policy_of

from agents import DQNConfig, ExperimentConfig, Parts, evaluate
from agents.row import find_row
from drl import MLP, Callback, UserError, load_policy, load_run, sweep, train
from drl.errors import EnvFailed
from drl.nn import Network
from drl.nn.schedules import Constant
from drl.supervised.config import DigitsConfig
from envs import Chain, make

PACKAGES = ("drl", "drl.nn", "drl.supervised", "agents", "envs")
SHORT: dict[str, Any] = {"steps": 1_000, "eval_every": 500, "solved_at": None, "progress": False}


def public() -> list[tuple[str, object]]:
    modules = [importlib.import_module(name) for name in PACKAGES]
    return [(f"{m.__name__}.{name}", getattr(m, name)) for m in modules for name in m.__all__]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_there(package: str) -> None:
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__) > 5
    assert set(module.__all__) <= set(dir(module))
    names: dict[str, object] = {}
    exec(f"from {package} import *", names)
    assert set(module.__all__) <= set(names)


def test_names_that_are_not_there_are_said() -> None:
    with pytest.raises(AttributeError, match="no attribute 'NoSuchName'"):
        _ = importlib.import_module("drl").NoSuchName


def without_docstring(name: str, thing: object) -> list[str]:
    """A class and its public methods and properties; a function.  An inherited one counts."""
    if not (inspect.isclass(thing) or inspect.isfunction(thing)):
        return []  # type aliases and tables: said where they are made
    found = [] if own_docstring(thing) else [name]
    if inspect.isclass(thing):
        members = inspect.getmembers(thing, lambda m: inspect.isfunction(m) or type(m) is property)
        found += [
            f"{name}.{member}"
            for member, value in members
            if not member.startswith("_") and not inspect.getdoc(value)
        ]  # fmt: skip
    return found


def own_docstring(thing: object) -> bool:
    """Not what dataclass or NamedTuple write when nobody else does."""
    doc = getattr(thing, "__doc__", None)
    return bool(doc) and not doc.startswith(f"{getattr(thing, '__name__', '')}(")


@pytest.mark.parametrize("name, thing", public(), ids=[name for name, _ in public()])
def test_every_public_name_has_a_docstring(name: str, thing: object) -> None:
    assert without_docstring(name, thing) == []


def test_the_docstring_test_can_fail() -> None:
    class Bare:
        def method(self) -> None: ...

    assert without_docstring("Bare", Bare) == ["Bare", "Bare.method"]


@pytest.mark.parametrize("module", ["drl", "drl.errors", "agents", "envs"])
def test_imports_are_light(module: str) -> None:
    heavy = {"torch", "gymnasium", "tensorboard", "PIL", "rich", "tyro"}
    heavy |= {"numpy"} if module.startswith("drl") else set()
    program = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_packages_are_typed() -> None:
    for package in ("drl", "agents", "envs"):
        (directory,) = importlib.import_module(package).__path__
        assert (Path(directory) / "py.typed").is_file()


# -- train --------------------------------------------------------------------------------------
def test_train_is_the_command_line_without_its_log(tmp_path: Path) -> None:
    from drl.cli.main import main

    trained = train("dqn", "CartPole-v1", seed=3, steps=800, progress=False)
    run = tmp_path / "run"
    args = ["train", "dqn", "--steps", "800", "--seed", "3", "--log", "none", "--json"]
    assert main([*args, "--run", str(run)]) == 0
    policy = load_policy(run / "checkpoints" / "best.safetensors")
    assert np.array_equal(policy.net.params, trained.policy.net.params)


def test_a_result_is_printed_as_its_summary(tmp_path: Path) -> None:
    few = {**SHORT, "steps": 200, "learning_starts": 100, "eval_every": 200, "eval_episodes": 1}
    result = train("dqn", "drl/Catch-v0", run=tmp_path / "run", **few)
    assert repr(result) == f"Result(summary={result.summary!r}, path={result.path!r})"


def test_saved_policy_acts_the_same(tmp_path: Path) -> None:
    trained = train("dqn", "CartPole-v1", seed=1, **SHORT)
    trained.policy.save(tmp_path / "policy.safetensors")
    policy = load_policy(tmp_path / "policy.safetensors")
    obs = make("CartPole-v1", num_envs=50, seed=5).reset()[0]
    assert np.array_equal(policy.q(obs), trained.policy.q(obs))
    assert np.array_equal(policy(obs), trained.policy.q(obs).argmax(axis=1))
    assert evaluate(policy, make("CartPole-v1", 10, seed=2), 10).mean > 0


@pytest.mark.parametrize(
    "changes",
    [{"dueling": True}, {"noisy": True}, {"head": "c51"}, {"head": "qr"}, {"head": "iqn"}],
    ids=str,
)
def test_policy_of_each_kind_comes_back(changes: dict[str, object], tmp_path: Path) -> None:
    policy = policy_of(replace(DQNConfig(), **changes), (4,))
    policy.save(tmp_path / "policy.safetensors")
    obs = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    assert np.array_equal(load_policy(tmp_path / "policy.safetensors")(obs), policy(obs))


def test_own_network_is_used_and_asked_for_again(tmp_path: Path) -> None:
    net = partial(MLP, hidden=(8,), activation="tanh")
    trained = train("dqn", "CartPole-v1", parts=Parts(net=net), **SHORT)
    assert [type(layer).__name__ for layer in trained.agent.net.layers] == [
        "Linear", "Tanh", "Linear",
    ]  # fmt: skip
    path = tmp_path / "policy.safetensors"
    trained.policy.save(path)
    assert np.array_equal(load_policy(path, net=net).net.params, trained.policy.net.params)
    with pytest.raises(UserError, match="network of your own"):
        load_policy(path)
    with pytest.raises(UserError, match="fits"):
        load_policy(path, net=partial(MLP, hidden=(9,)))


@pytest.mark.parametrize(("name", "part"), [("dqn", "critic_net"), ("pqn", "critic_net")])
def test_a_network_of_ones_own_is_refused_in_one_sentence(name: str, part: str) -> None:
    """Where the agent has none: before its file is looked into."""
    row = find_row(name)
    with pytest.raises(UserError) as error:
        row.policy_of({}, "its file", {part: lambda *shape: None})
    assert str(error.value) == f"the agent {name} takes no {part} of your own: leave out {part}="


def test_a_seed_is_the_one_that_was_given_last(tmp_path: Path) -> None:
    """None of its own leaves that of a complete `experiment`, or of a classifier's config."""
    short = ExperimentConfig(seed=5, steps=64, eval_every=64, eval_episodes=1, num_envs=4)

    def seed_of(run: str, *what: Any, **how: Any) -> Any:
        trained = train(*what, run=tmp_path / run, progress=False, **how)
        assert trained.path is not None
        return load_run(trained.path).settings["seed"]

    dqn = ("dqn", "CartPole-v1", DQNConfig(hidden=(4,), learning_starts=16))
    assert seed_of("its own", *dqn, experiment=short) == 5
    assert seed_of("on top", *dqn, experiment=short, seed=7) == 7
    assert seed_of("neither", *dqn, steps=64, eval_episodes=1, num_envs=4) == 1
    digits = DigitsConfig(seed=4, epochs=1, model="logistic")
    assert seed_of("digits", "digits", None, digits) == 4
    found = sweep(
        *dqn, experiment=short, seeds=2, run=tmp_path / "sweep", progress=False
    )  # fmt: skip
    assert [run.directory.name for run in found.runs] == ["seed-5", "seed-6"]


def test_a_learning_rate_that_is_given_alone_stays() -> None:
    """Where no preset lets it fall."""
    known: dict[str, Any] = {"steps": 600, "eval_episodes": 1, "hidden": (4,), "progress": False}
    agent = train("dqn", "drl/Chain-v0", lr=1e-4, **known).agent
    assert agent.updates > 20 and agent.optimizer.lr == 1e-4


def test_network_with_wrong_outputs_is_named() -> None:
    def net(shape: tuple[int, ...], outputs: int, /, *, seed: object) -> Network:
        return MLP(shape, outputs + 1)

    with pytest.raises(UserError, match=r"gives \(3,\), the agent needs \(2,\)"):
        train("dqn", "CartPole-v1", parts=Parts(net=net), **SHORT)


def test_own_schedules_are_used() -> None:
    parts = Parts(epsilon=Constant(0.25), lr=Constant(3e-4))
    agent = dqn(DQNConfig(), (4,), parts=parts)
    assert agent.exploration.epsilon(0) == 0.25
    assert agent.optimizer.lr == 3e-4


def test_class_of_environments_is_enough() -> None:
    class Seen(Callback):
        steps: ClassVar[list[int]] = []

        def on_evaluation(self, experiment: Any, evaluated: Any) -> None:
            self.steps.append(experiment.step)

    config = DQNConfig(hidden=(32,), epsilon_steps=1_000)
    settings: Any = {"steps": 2_000, "eval_every": 1_000, "progress": False}
    trained = train("dqn", Chain, config, seed=1, callbacks=[Seen()], **settings)
    assert Seen.steps == [1_008, 2_000]  # at the first multiple of 16 environments from 1,000 on
    assert trained.mean_reward > 0.5  # most episodes reach the end


def test_a_policy_even_when_no_evaluation_was_due() -> None:
    trained = train("dqn", "CartPole-v1", **SHORT | {"steps": 100, "learning_starts": 50})
    assert trained.mean_reward is not None and np.isfinite(trained.mean_reward)
    assert trained.env_steps == 112


def test_environments_that_fail_are_said() -> None:
    import gymnasium as gym

    class Breaks(gym.Env):  # type: ignore[type-arg]
        observation_space = gym.spaces.Box(-1, 1, (1,))
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):  # type: ignore[no-untyped-def]
            self.steps = 0
            return np.zeros(1, np.float32), {}

        def step(self, action):  # type: ignore[no-untyped-def]
            self.steps += 1
            if self.steps == 30:
                raise RuntimeError("a wheel came off")
            return np.zeros(1, np.float32), 1.0, False, False, {}

    config = DQNConfig(learning_starts=20, batch_size=8)
    settings: Any = {"num_envs": 1, "eval_episodes": 1, "steps": 40, "progress": False}
    with pytest.warns(UserWarning, match="a wheel came off"), pytest.raises(EnvFailed) as caught:
        train("dqn", Breaks, config, **settings)  # the evaluation, without end, fails for good
    assert caught.value.result.env_steps == 40
    assert caught.value.result.policy(np.zeros(1, np.float32)) in (0, 1)


@pytest.mark.parametrize(
    "what, message",
    [
        (lambda: train("CartPole-v1"), r"train\('dqn', 'CartPole-v1'\)"),
        (lambda: train("ppq", "CartPole-v1"), r"'ppq' \(did you mean ppo\?\); expected one of dqn"),
        (lambda: train("dqn", "CartPole-v1", conv="nature", **SHORT), "do not fit"),
        (lambda: train("dqn", "NoSuchEnv-v1"), "unknown environment"),
        (lambda: train("dqn", "CartPole-v1", learning_rate=1e-3), "did you mean lr"),
        (lambda: train("dqn", "CartPole-v1", lrr=1e-3), r"'lrr' \(did you mean lr\?\)"),
        (lambda: train("dqn", "CartPole-v1", lr=-1.0), "lr=-1.0 is not possible: give above 0"),
        (lambda: train("dqn", "CartPole-v1", ExperimentConfig()), "takes a DQNConfig"),
        (lambda: train("dqn", "CartPole-v1", callbacks=[print], **SHORT), "no callback"),
        (lambda: train("digits", nonsense=1), "'nonsense'"),
        (lambda: load_run("nowhere"), "no run nowhere"),
        (lambda: load_policy("nowhere.safetensors"), "no checkpoint .*: there is no such file"),
    ],
)
def test_mistakes_are_one_line(what: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        what()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_holds_no_policy(tmp_path: Path) -> None:
    from drl.experiment import checkpoint

    checkpoint.save(tmp_path / "other.safetensors", {"net": np.zeros(3)})
    with pytest.raises(UserError, match="holds no policy"):
        load_policy(tmp_path / "other.safetensors")


def flags_named(source: str) -> list[str]:
    """Flags of the command line in a module's text, but for docstrings and printed commands."""
    tree = ast.parse(source)
    apart = {
        id(constant)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "command")
        for constant in ast.walk(node)
    }
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in apart]
    return [text for text in texts if isinstance(text, str) and re.search(r"--[a-z]", text)]


def test_libraries_name_parameters_and_the_command_line_flags() -> None:
    root = Path(__file__).resolve().parents[1]
    apart = {"cli", "bench", "tour"}
    paths = [p for room in ("agents", "envs", "drl") for p in (root / room).rglob("*.py")]
    found = {
        str(path.relative_to(root)): flags
        for path in paths
        if not apart & set(path.relative_to(root).parts)
        and (flags := flags_named(path.read_text(encoding="utf-8")))
    }
    assert found == {}
    assert flags_named('"""--run"""\ncommand("resume", "--device")\nsay(f"give --run {x}")') == [
        "give --run "
    ]
