"""Whatever an environment's module, constructor, reset or step raises is one line that names it,
exit code 2, and what was learnt is kept."""

import re
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from agents import EnvFailed, evaluate
from drl import train
from drl.cli.main import main
from drl.errors import UserError
from drl.experiment.run import Run
from envs import NumpyEnv, make
from envs.nearest import nearest_ids

MODULE = """
import sys
import gymnasium as gym
import numpy as np
class Corridor(gym.Env):
    observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)
    metadata = {{"render_modes": ["rgb_array"]}}
    life = 0
    def __init__(self, render_mode=None):
        {constructor}
    def reset(self, *, seed=None, options=None):
        {reset}
        self.t = 0
        return np.zeros(1, np.float32), {{}}
    def step(self, action):
        Corridor.life += 1
        {step}
        self.t += 1
        return np.zeros(1, np.float32), 1.0, self.t == 5, False, {{}}
    def render(self):
        return np.zeros((8, 8, 3), np.uint8)
{end}
"""
REGISTERED = 'gym.register("Corridor-v0", Corridor)'
SHORT = ["--steps", "400", "--num-envs", "2", "--eval-every", "100", "--eval-episodes", "2"]
SHORT += ["--learning-starts", "64", "--log", "none"]
SMALL: dict[str, Any] = {
    "steps": 400, "num_envs": 2, "hidden": (4,), "learning_starts": 64, "progress": False
}  # fmt: skip


@pytest.fixture
def corridor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a module my_corridor with an env, and what it does where."""
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # modules are rewritten within a second

    def write(end: str = REGISTERED, **what: str) -> None:
        interrupt_episodes()
        parts = dict.fromkeys(("constructor", "reset", "step"), "pass") | what
        (tmp_path / "path").mkdir(exist_ok=True)
        path = tmp_path / "path" / "my_corridor.py"
        path.write_text(MODULE.format(end=end, **parts))

    def interrupt_episodes() -> None:
        sys.modules.pop("my_corridor", None)
        gym.registry.pop("Corridor-v0", None)

    yield write
    interrupt_episodes()


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The one line of a command that fails."""
    assert main([*args]) == 2
    (line,) = (x for x in capsys.readouterr().err.splitlines() if "drl: warning" not in x)
    assert line.startswith("drl: ")
    return line


def test_a_module_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    line = said(capsys, "train", "dqn", "--env", "nosuch:X-v0")
    assert "Python finds no module 'nosuch'" in line
    assert "PYTHONPATH" in line


def test_a_module_that_needs_another(corridor: Any, capsys: pytest.CaptureFixture[str]) -> None:
    corridor("import a_package_that_nobody_has")
    line = said(capsys, "train", "dqn", "--env", "my_corridor:Corridor-v0")
    assert "my_corridor needs a package that is not here" in line
    assert "a_package_that_nobody_has" in line


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("sys.exit(3)", "SystemExit: 3"),
        ("raise KeyError", "KeyError"),
    ],
)
def test_a_module_that_raises(
    corridor: Any, capsys: pytest.CaptureFixture[str], end: str, words: str
) -> None:
    corridor(end)
    line = said(capsys, "train", "dqn", "--env", "my_corridor:Corridor-v0")
    place = f"at {sys.path[0]}/my_corridor.py:23"
    assert line == f"drl: my_corridor failed when it was imported ({words} {place}): mend it"


def test_a_module_that_registers_nothing(corridor: Any, capsys: pytest.CaptureFixture[str]) -> None:
    corridor("")
    line = said(capsys, "train", "dqn", "--env", "my_corridor:Other-v0")
    assert "'my_corridor:Other-v0': my_corridor does not register it" in line


@pytest.mark.parametrize("id", ["a:b:c", "my env", "", ":", "x/y/z-v0"])
def test_what_is_no_id(id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert repr(id)[1:-1] in said(capsys, "train", "dqn", "--env", id)


def test_no_hint_proposes_what_cannot_be_made() -> None:
    """phys2d/CartPole-v1 is registered, and needs jax; CartPole-v0 is out of date."""
    with pytest.raises(UserError, match="did you mean CartPole-v1[?]"):
        make("CartPole-v3", 1, 0)
    near = nearest_ids("CartPoles", most=10)
    assert near[0] == "CartPole-v1" and "drl/CartPolePixels-v1" in near
    for id in near:
        make(id, 1, 0).close()
    with pytest.raises(UserError) as error:
        make("phys3d/CartPole-v1", 1, 0)
    assert "phys2d" not in str(error.value)


@pytest.mark.skipif("jax" in sys.modules, reason="jax is here")
def test_a_package_that_is_not_here_is_named() -> None:
    with pytest.raises(UserError, match=r"^phys2d/CartPole-v1 needs .*jax"):
        make("phys2d/CartPole-v1", 1, 0)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"constructor": "raise OSError('no\\n X')"}, " failed when it was made (OSError: no X "),
        ({"reset": "sys.exit('bye')"}, " (environment 0) called sys.exit('bye') in a reset at "),
        ({"reset": "raise ValueError"}, " (environment 0) failed in a reset (ValueError "),
    ],
)  # fmt: skip
def test_what_cannot_begin_is_one_line(
    corridor: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, where: Any, words: str
) -> None:
    corridor(**where)
    command = ["train", "dqn", "--env", "my_corridor:Corridor-v0", "--run", str(tmp_path / "run")]
    assert said(capsys, *command, *SHORT).startswith("drl: my_corridor:Corridor-v0" + words)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("if self.life > 250: sys.exit(7)", "called sys.exit(7) in a step at "),
        ("if self.life > 250: raise OSError('gone')", "my_corridor.py:18), after 10 such failures"),
        ("if self.life > 250: return 1, 2", "gave 2 values in a step; Gymnasium's step returns"),
    ],
)
def test_what_was_learnt_until_a_failure_is_kept(
    corridor: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, step: str, words: str
) -> None:
    corridor(step=step)
    run = tmp_path / "run"
    command = ["train", "dqn", "--env", "my_corridor:Corridor-v0", "--run", str(run)]
    line = said(capsys, *command, *SHORT)
    assert line.startswith("drl: my_corridor:Corridor-v0 (environment ") and words in line
    newest = Run.open(run).newest
    assert newest is not None and f"the last good checkpoint is {newest}" in line
    steps = int(newest.stem.removeprefix("step-"))
    assert 100 < steps < 250 and f"env step {steps}, {steps - 64} updates" in line
    corridor()
    assert main(["resume", str(run), "--json"]) == 0  # mended, it goes on


@pytest.mark.parametrize("command", [["evaluate"], ["watch"], ["resume", "--steps", "600"]])
@pytest.mark.parametrize("where", ["constructor", "reset", "step"])
def test_other_commands_say_it_in_one_line_too(
    corridor: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: Any, where: str
) -> None:
    corridor()
    run = str(tmp_path / "run")
    assert main(["train", "dqn", "--env", "my_corridor:Corridor-v0", "--run", run, *SHORT]) == 0
    corridor(**{where: "sys.exit(1)"})
    capsys.readouterr()
    file = tmp_path / "path" / "my_corridor.py"
    assert said(capsys, command[0], run, *command[1:]).startswith(f"drl: {file}:Corridor-v0")


def test_train_gives_what_was_learnt_with_the_error(corridor: Any) -> None:
    corridor(step="if self.life > 250: sys.exit(7)")
    with pytest.raises(EnvFailed, match=r"sys\.exit\(7\)") as error:
        train("dqn", "my_corridor:Corridor-v0", eval_every=100, **SMALL)
    trained = error.value.result
    assert trained.env_steps > 100 and trained.agent.updates > 40
    assert trained.policy(np.zeros((1, 1), np.float32)).shape == (1,)


def test_ctrl_c_in_an_environment_is_ctrl_c() -> None:
    class Pressed(gym.Env[np.ndarray, int]):
        observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            return np.zeros(1, np.float32), {}

        def step(self, action: int) -> Any:
            raise KeyboardInterrupt

    env = make(Pressed, 1, 0)
    with pytest.raises(KeyboardInterrupt):
        evaluate(lambda obs: np.zeros(1, int), env, 1)


def test_what_failed_in_the_middle_of_a_step_has_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment 0 has moved on, environment 1 has not: the run goes on with new episodes."""
    env = make("Acrobot-v1", 2, 0)
    env.reset()
    env.step(np.zeros(2, int))
    assert env.state() is not None
    monkeypatch.setattr(env.envs[1].env, "step", lambda action: (None,) * 4)  # type: ignore[attr-defined]
    with pytest.raises(EnvFailed, match=r"Acrobot-v1 \(environment 1\) gave 4 values"):
        env.step(np.zeros(2, int))
    assert env.state() is None


def test_spaces_of_another_package_are_told_apart() -> None:
    class Box:
        """Of the old gym."""

    Box.__module__ = "gym.spaces.box"

    class Old(gym.Env[np.ndarray, int]):
        observation_space: Any = Box()
        action_space = gym.spaces.Discrete(2)

    with pytest.raises(UserError, match=r"^Old has Box \(gym's, not Gymnasium's\) observations"):
        make(Old, 1, 0)


@pytest.mark.parametrize("metadata", [None, {}, {"render_fps": "fast"}, {"render_fps": 0}])
def test_metadata_of_any_kind(metadata: Any) -> None:
    class Odd(gym.Env[np.ndarray, int]):
        observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
        action_space = gym.spaces.Discrete(2)

    Odd.metadata = metadata
    assert make(Odd, 1, 0).fps == 30.0


class Fragile(NumpyEnv):
    """An own vectorised environment that breaks after so many steps."""

    observation_space = gym.spaces.Box(0, 200, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def initial(self, count: int) -> np.ndarray:
        return np.zeros((1, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        if rows[0, 0] == 100:
            raise RuntimeError("no\nfuel")
        return rows + 1, np.ones(self.num_envs), np.zeros(self.num_envs, bool)

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return rows.T.astype(np.float32)


def test_an_own_vectorised_world_that_raises_loses_nothing_either() -> None:
    with pytest.raises(EnvFailed) as error:
        train("dqn", Fragile, eval_every=1000, **SMALL)
    place = r"at .*test_env_failures\.py:\d+"
    failed = rf"Fragile failed in a step \(RuntimeError: no fuel {place}\): mend the env"
    assert re.fullmatch(failed + r" \(env step 200, 136 updates\)", str(error.value))
    assert isinstance(error.value.__cause__, RuntimeError)  # with where it was raised
    trained = error.value.result
    assert trained.env_steps == 200 and trained.agent.updates == 136
    trained.policy(np.zeros((1, 1), np.float32))
