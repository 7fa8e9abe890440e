"""Everything that a user can hand in as an environment becomes one thing, and can be made again."""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from drl.errors import EnvWarning, UserError
from envs import Chain, EnvSource, NumpyEnv, importing, source

FILE = """
import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete
from beside import SIZE
from envs import NumpyEnv


class MyEnv(gym.Env):
    action_space = Discrete(2, start=1)
    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, size=SIZE, render_mode=None):
        self.observation_space = Box(-1, 1, (size,), np.float32)
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.uniform(-1, 1, self.observation_space.shape).astype(np.float32), {}

    def step(self, action):
        return self.reset()[0], float(action), bool(self.np_random.random() < 0.2), False, {}

    def render(self):
        return np.zeros((4, 4, 3), np.uint8) if self.render_mode == "rgb_array" else None


def made(size=4):
    return MyEnv(size)


class Falling(NumpyEnv):
    observation_space = Box(0, 100, (1,), np.float32)
    action_space = Discrete(2)
    time_limit = 9
    speed = 1.0

    def initial(self, count):
        return self.rng.uniform(50, 100, (1, count))

    def advance(self, rows, actions):
        moved = rows - self.speed
        return moved, -self.speed * np.ones(self.num_envs), moved[0] < 0

    def observe(self, rows):
        return rows.T.astype(np.float32)


class Doubled(gym.RewardWrapper):
    def reward(self, reward):
        return 2 * reward


class Halved(gym.RewardWrapper):
    def __init__(self, env, by):
        super().__init__(env)


gym.register("my/Env-v0", "my_env:MyEnv")
"""
PLAY = """
import json, sys
import numpy as np
from envs import EnvSource

def rolled(envs, steps=40):
    obs, _ = envs.reset()
    rng, seen = np.random.default_rng(0), [obs.sum()]
    for _ in range(steps):
        space = envs.action_space
        step = envs.step(space.start + rng.integers(space.n, size=envs.num_envs))
        seen += [step.obs.sum(), step.reward.sum(), step.final_obs.sum()]
    envs.close()
    return [float(x) for x in seen]
"""
again: dict[str, Any] = {}
exec(PLAY, again)
rolled = again["rolled"]


def elsewhere(record: Any, directory: Path) -> list[float]:
    """What a fresh process, in another directory, plays by a record."""
    program = (
        PLAY + "\nprint(rolled(EnvSource.from_record(json.load(sys.stdin))(num_envs=2, seed=5)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], input=json.dumps(record), text=True,
        capture_output=True, cwd=directory,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A directory with my_env.py and a module beside it; modules and ids are gone afterwards."""
    (tmp_path / "my_env.py").write_text(FILE)
    (tmp_path / "beside.py").write_text("SIZE = 3")
    (tmp_path / "other").mkdir()
    path, registry = sys.path[:], dict(gym.registry)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.path[:] = path
    gym.registry.clear()
    gym.registry.update(registry)


NAMED: dict[str, tuple[Any, ...]] = {
    "ours": ("CartPole",),
    "ours with settings": ("drl/Chain-v0", {"length": 9}),
    "Gymnasium's": ("Acrobot-v1", {"max_episode_steps": 20}),
    "Gymnasium's, wrapped": ("Acrobot-v1", {}, ["gymnasium.wrappers:FlattenObservation"]),
    "a wrapper in a file": ("Acrobot-v1", {}, ["my_env.py:Doubled", "my_env:Doubled"]),
    "MinAtar": ("MinAtar/Breakout-v1", {"time_limit": 15}),
    "a class in a file": ("my_env.py:MyEnv", {"size": 2}),
    "a class in a module": ("my_env:MyEnv",),
    "a function in a file": ("my_env.py:made",),
    "an id of a module": ("my_env:my/Env-v0",),
    "an id of a file": ("my_env.py:my/Env-v0", {"size": 2}, ["my_env.py:Doubled"]),
    "an own vector class": ("my_env.py:Falling", {"speed": 3.0}),
    "a class of Gymnasium's": ("gymnasium.envs.classic_control:AcrobotEnv",),
}


@pytest.mark.parametrize("what", NAMED.values(), ids=NAMED)
def test_what_is_named_is_found_again_elsewhere(project: Path, what: Any) -> None:
    made = source(*what)
    assert json.loads(json.dumps(made.record)) == made.record
    mine = rolled(made(num_envs=2, seed=5))
    assert mine == rolled(EnvSource.from_record(made.record)(num_envs=2, seed=5))
    assert mine == elsewhere(made.record, project / "other")


def test_ids_and_records(project: Path) -> None:
    file = str(project / "my_env.py")
    assert source("CartPole").id == "CartPole-v1"
    assert source("gymnasium:CartPole").record == source("CartPole-v1").record
    assert source(Chain).record == {"env": "drl/Chain-v0", "env_kwargs": {}, "wrappers": []}
    made = source("my_env.py:MyEnv", {"size": 2}, ["my_env:Doubled"])
    assert made.id == "MyEnv"
    assert made.record == {
        "env": f"{file}:MyEnv", "env_kwargs": {"size": 2}, "wrappers": [f"{file}:Doubled"]
    }  # fmt: skip
    assert source("my_env.py:Falling").id == "Falling"
    assert source("my_env.py:made").id == "MyEnv"
    assert source("my_env:my/Env-v0").record["env"] == f"{file}:my/Env-v0"
    assert source("Acrobot-v1", {}, ["gymnasium.wrappers:FlattenObservation"]).record == {
        "env": "Acrobot-v1", "env_kwargs": {}, "wrappers": ["gymnasium.wrappers:FlattenObservation"]
    }  # fmt: skip


class Tiny(gym.Env[np.ndarray, int]):
    observation_space = Box(-1, 1, (1,), np.float32)
    action_space = Discrete(2)
    metadata = {"render_modes": ["rgb_array"]}
    closed = False

    def __init__(self, gain: float = 1.0, render_mode: str | None = None) -> None:
        self.gain, self.render_mode = gain, render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> Any:
        return np.ones(1, np.float32), self.gain, bool(self.np_random.random() < 0.1), False, {}

    def render(self) -> Any:
        assert self.render_mode == "rgb_array"
        return np.ones((4, 4, 3), np.uint8)

    def close(self) -> None:
        self.closed = True


def tiny(gain: float = 1.0) -> Tiny:
    return Tiny(gain)


class Plus(gym.RewardWrapper[np.ndarray, int]):
    def reward(self, reward: Any) -> float:
        return float(reward) + 10


def worlds(num_envs: int, seed: int, length: int = 5) -> Any:
    return Chain(num_envs, seed, length=length)


def paid(made: EnvSource) -> float:
    envs = made(num_envs=1, seed=0)
    envs.reset()
    return float(envs.step(np.zeros(1, int)).reward[0])


HERE = str(Path(__file__).resolve())


@pytest.mark.parametrize(
    ("what", "name", "id", "reward"),
    [
        ((Tiny,), "Tiny", "Tiny", 1.0),
        ((Tiny, {"gain": 2.0}), "Tiny", "Tiny", 2.0),
        ((tiny, {"gain": 3.0}, [Plus, Plus]), "tiny", "Tiny", 23.0),
        ((functools.partial(Tiny, gain=4.0),), "Tiny", "Tiny", 4.0),
        ((functools.partial(functools.partial(tiny, gain=4.0), gain=5.0),), "tiny", "Tiny", 5.0),
        ((functools.partial(Tiny, 6.0),), None, "Tiny", 6.0),
        ((lambda: Tiny(7.0),), None, "Tiny", 7.0),
        ((Tiny, {}, [lambda env: Plus(env)]), None, "Tiny", 11.0),
        ((Tiny, {"gain": np.float64(8.0)}), "Tiny", "Tiny", 8.0),
        ((worlds,), "worlds", "worlds", 0.0),
    ],
)
def test_python_objects(what: Any, name: str | None, id: str, reward: float) -> None:
    made = source(*what)
    assert (made.record and made.record["env"]) == (name and f"{HERE}:{name}")
    assert paid(made) == reward and made.id == id
    if made.record is not None:
        assert paid(EnvSource.from_record(json.loads(json.dumps(made.record)))) == reward


def test_what_is_drawn_knows_it() -> None:
    for made in (source(Tiny), source(lambda render_mode=None: Tiny(render_mode=render_mode))):
        envs = made(num_envs=1, seed=0, drawn=True)
        envs.reset()
        assert envs.render().shape == (4, 4, 3)


# -- an env that is made already ------------------------------------------------------------------
def test_an_env_as_registered_is_its_id() -> None:
    for env in (gym.make("CartPole-v1"), gym.make("CartPole-v1", render_mode="rgb_array")):
        made = source(env)
        assert made.record == source("CartPole-v1").record and not made.single
        assert isinstance(made(num_envs=3, seed=0), NumpyEnv)


def test_an_env_with_a_spec_is_cloned(tmp_path: Path) -> None:
    env = gym.wrappers.FlattenObservation(gym.make("Acrobot-v1", max_episode_steps=7))
    made = source(env)
    envs = made(num_envs=2, seed=5)
    envs.reset()
    cut = [envs.step(np.zeros(2, int)).truncated.tolist() for _ in range(7)]
    assert cut == [[False] * 2] * 6 + [[True] * 2]
    assert rolled(made(num_envs=2, seed=5)) == elsewhere(made.record, tmp_path)


def test_an_env_that_cannot_be_made_again_is_used_itself() -> None:
    env = Tiny(9.0)
    with pytest.warns(EnvWarning, match="Tiny has no spec .*: this one env is used itself") as said:
        made = source(env)
    assert len(said) == 1 and said[0].filename == __file__
    assert made.single and made.record is None and made.id == "Tiny" and paid(made) == 9.0
    with pytest.raises(UserError, match="num_envs = 2 of one environment"):
        made(num_envs=2, seed=0)
    envs = made(num_envs=1, seed=0)
    envs.close()
    assert not env.closed  # whoever made it closes it


# -- files ----------------------------------------------------------------------------------------
def test_two_files_of_one_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "my_env.py").write_text(
            f"import sys\ndef made():\n    return {name!r}\nprint('once', file=sys.stderr)\n"
        )
    from drl.named import thing

    a, b = (thing(f"{tmp_path / name / 'my_env.py'}:made") for name in ("a", "b"))
    assert (a(), b()) == ("a", "b") and "my_env" not in sys.modules
    assert thing(f"{tmp_path / 'a' / 'my_env.py'}:made") is a  # imported once


def test_a_file_of_a_package(tmp_path: Path) -> None:
    package = tmp_path / "a_package_of_ours"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "sizes.py").write_text("SIZE = 1")
    (package / "env.py").write_text(
        "from .sizes import SIZE\nfrom envs import Chain\nclass Mine(Chain):\n    id = 'Mine'\n"
    )
    made = source(f"{package / 'env.py'}:Mine")
    assert made.record["env"] == f"{package / 'env.py'}:Mine"  # type: ignore[index]
    assert rolled(made(num_envs=2, seed=5)) == elsewhere(made.record, tmp_path)


def test_who_is_importing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "asks.py"
    path.write_text("from envs import Chain, importing\nSEEN = importing()\nMine = Chain\n")
    from drl.named import thing

    assert importing() is None
    assert thing(f"{path}:SEEN") == path and importing() is None


@pytest.mark.parametrize(
    ("defined", "recorded"),
    [("", True), ("if __name__ == '__main__':\n    ", False), ("def f():\n    ", False)],
)
def test_a_class_of_the_script_itself(tmp_path: Path, defined: str, recorded: bool) -> None:
    """It is named by the script's file, where importing that would define it; training in it, not
    behind `if __name__`, is seen by importing()."""
    script = tmp_path / "script.py"
    calls = "    return Mine\nMine = f()\n" if "def" in defined else ""
    script.write_text(
        "import json\nfrom envs import Chain, importing, source\n"
        f"{defined}class Mine(Chain): id = 'Mine'\n{calls}"
        "print(json.dumps(source(Mine).record), importing())\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    record, seen = done.stdout.rsplit(" ", 1)
    assert seen == "None\n" and (json.loads(record) is not None) == recorded
    if recorded:
        assert json.loads(record)["env"] == f"{script}:Mine"
        program = (
            "import json; from envs import EnvSource\n"
            f"EnvSource.from_record(json.loads({record!r}))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.endswith(f" {script}\n")


def test_a_notebook_has_no_name() -> None:
    program = (
        "from envs import Chain, source\nclass Mine(Chain): id = 'Mine'\nprint(source(Mine).record)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "None\n"


# -- mistakes --
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ((3,), "3 is no environment: give an id"),
        ((None,), "None is no environment"),
        (("my_env.py",), "names a file: say what to take from it, as in my_env.py:Name"),
        (("nowhere.py:MyEnv",), "there is no file .*nowhere.py"),
        (("nowhere:MyEnv",), "Python finds no module 'nowhere': install it"),
        (("my_env.py:NoSuch",), "has no 'NoSuch': it has Doubled, Falling, Halved, MyEnv"),
        (("my_env:No-v0",), "unknown environment 'my_env:No-v0': my_env does not register it"),
        (("my_env.py:MyEnv", {"colour": 1}), r"env_kwargs .*colour.* it takes \(size, render_mode"),
        (("my_env.py:MyEnv", [1]), "env_kwargs should be a mapping"),
        (("my_env.py:SIZE",), "SIZE is no class and no function, but of type int"),
        (("CartPole-v1", {}, [Plus]), "CartPole-v1 is one of our own.*wrappers do not go around"),
        (("my_env.py:Falling", {}, [Plus]), "Falling makes environments side by side"),
        (("Acrobot-v1", {}, ["my_env.py:Halved"]), "called with an env alone .*'by'"),
        (("Acrobot-v1", {}, ["Doubled"]), "'Doubled' is no name: expected module:Name or file"),
        (("Acrobot-v1", {}, [3]), "is no class"),
        ((Chain(num_envs=2),), "Chain is many environments: give one, or its class or id"),
        ((Tiny(), {"gain": 2.0}), "this env is made already"),
    ],
)
def test_mistakes_in_one_line(project: Path, what: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        source(*what)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (("CartPole-v1", {"gravity": 1}), "cannot be made with .*no setting 'gravity'"),
        (("Acrobot-v1", {"gravity": 1}), "cannot be made with .*gravity"),
        (("MinAtar/Breakout-v1", {"gravity": 1}), "cannot be made with .*gravity"),
        (("my_env.py:Falling", {"gravity": 1}), "Falling cannot be made so .*'gravity'"),
        (("NoSuch-v1",), "unknown environment 'NoSuch-v1'"),
    ],
)
def test_mistakes_that_show_when_it_is_made(project: Path, what: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        source(*what)(num_envs=1, seed=0)


def test_a_wrapper_is_known_by_what_it_holds(project: Path) -> None:
    """One that is no gymnasium.Wrapper too, and a function that gives the env back."""

    class Held(gym.Env[Any, Any]):
        def __init__(self, inner: gym.Env[Any, Any]) -> None:
            self.inner = inner
            self.observation_space = inner.observation_space
            self.action_space = inner.action_space

        def reset(self, **given: Any) -> Any:
            return self.inner.reset(**given)

        def step(self, action: Any) -> Any:
            return self.inner.step(action)

    for wrapper in (Held, lambda env: env):
        made = source("Acrobot-v1", {}, [wrapper])(num_envs=1, seed=0)
        assert made.reset()[0].shape == (1, 6)
    another = source("Acrobot-v1", {}, [lambda render_mode: Tiny()])
    with pytest.raises(UserError, match="makes an environment of its own, without the one that"):
        another(num_envs=1, seed=0)


@pytest.mark.parametrize("end", ["1 / 0", "import sys; sys.exit(3)", "raise KeyError"])
def test_a_file_that_fails_is_named(project: Path, end: str) -> None:
    (project / "broken.py").write_text(end)
    for name in ("broken.py:MyEnv", "broken:MyEnv"):
        with pytest.raises(UserError, match="broken.* failed when it was imported .*: mend it"):
            source(name)
    assert importing() is None


@pytest.mark.parametrize(
    "record",
    [
        None, {}, {"env": 3}, {"env": "CartPole-v1", "more": 1},
        {"env": "CartPole-v1", "wrappers": 3},
        {"env": "CartPole-v1", "env_kwargs": []}, {"env": "CartPole-v1", "wrappers": [3]},
        {"env": "CartPole-v1", "env_spec": "{"},
    ],
)  # fmt: skip
def test_what_is_no_record(record: Any) -> None:
    with pytest.raises(UserError):
        EnvSource.from_record(record)


def test_training_in_a_file_that_is_imported_is_refused(tmp_path: Path) -> None:
    """Else whoever evaluates a run of it would train instead."""
    script = tmp_path / "trains.py"
    script.write_text(
        "from drl import train\nfrom envs import Chain\nclass Mine(Chain): id = 'Mine'\n"
        "train('dqn', Mine, steps=50)\n"
    )
    words = f"{script} trains while it is imported .*behind `if __name__ == '__main__':`"
    with pytest.raises(UserError, match=words):
        EnvSource.from_record({"env": f"{script}:Mine"})
    assert importing() is None
