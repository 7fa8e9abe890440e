"""What other packages' environments are like, made here by hand; benchmarks/third_party.py tries
the packages themselves."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Text, Tuple
from own_world import Walk

from drl import Callback, load_run, train
from drl.cli.console import as_flags
from drl.encoding import Encoder
from drl.errors import EnvFailed, UserError
from drl.spaces import from_json, same, to_json
from envs import make, source

QUICK: dict[str, Any] = dict(
    steps=400, learning_starts=100, hidden=(8,), eval_every=200, eval_episodes=2, progress=False
)


class Mission(gym.Space[str]):
    """Texts, as MiniGrid has them: a space of its own."""

    def __init__(self) -> None:
        super().__init__(dtype=str)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        return "go to the door"

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)


def test_another_packages_texts_are_left_out() -> None:
    told = Dict({"at": Discrete(3), "mission": Mission(), "more": Tuple((Mission(), Discrete(2)))})
    encoder = Encoder(told)
    obs = {"at": 1, "mission": "go", "more": ("", 1)}
    assert encoder.encode_batch(obs)[0].tolist() == [[0, 1, 0, 0, 1]]
    assert encoder.left_out == ["mission", "more.0"] and "left out: mission" in encoder.words()
    again = Encoder(from_json(to_json(encoder.original)))  # as a policy's file has it
    assert same(again.original, encoder.original) and same(again.space, encoder.space)
    assert again.encode_batch(obs)[0].tolist() == [[0, 1, 0, 0, 1]]
    assert Encoder(Dict({"at": Discrete(3), "say": Text(5)})).original["say"] == Text(5)
    with pytest.raises(UserError, match="has test_third_party's Mission observations: expected"):
        make(type("Told", (Walk,), {"observation_space": Mission()}), 1, 0)


class Old(Walk):
    """With the generator that numpy had before 1.17, as bsuite's environments."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        if seed is not None or not isinstance(self._np_random, np.random.RandomState):
            self._np_random: Any = np.random.RandomState(seed)
        self.at, self.t = int(self.np_random.randint(-1, 2)), 0
        return self._seen(), {}

    def step(self, action: int) -> Any:
        self.t += 1
        obs, reward, over, _, info = super().step(action)
        return obs, reward, over, self.t == 20, info


class Stop(Callback):
    """In the middle of episodes."""

    def on_step(self, experiment: Any, progress: Any) -> bool:
        return bool(progress.step < 232)


def test_an_old_generator_is_no_generator_to_go_on_from(tmp_path: Path) -> None:
    """Each episode then has a seed of its own; and the run resumes to the bit."""
    envs = make(Old, 2, 0)
    envs.prepare()
    assert envs.way == "seed"  # type: ignore[attr-defined]
    whole = train("dqn", Old, num_envs=2, **QUICK)
    train("dqn", Old, num_envs=2, run=tmp_path / "run", callbacks=[Stop()], **QUICK)
    halved = load_run(tmp_path / "run").resume(steps=400, progress=False)
    assert (whole.net.params == halved.net.params).all()


def test_several_aims_and_settings_say_what_to_do() -> None:
    class Aims(Walk):
        def step(self, action: int) -> Any:
            obs, _, *rest = super().step(action)
            return obs, np.ones(2), *rest

    class Prices(Walk):
        def __init__(self, prices: Any) -> None: ...

    envs = make(Aims, 1, 0)
    envs.reset()
    with pytest.raises(
        EnvFailed, match=r"reward of shape \(2,\); expected one value, as a wrapper"
    ):
        envs.step(np.zeros(1, int))
    gym.register("Prices-v0", Prices)
    try:
        with pytest.raises(EnvFailed, match="missing 1 required .*'prices'.* give them as `env_kw"):
            make("Prices-v0", 1, 0)
    finally:
        del gym.registry["Prices-v0"]


def test_a_bare_assert_is_told_by_its_place() -> None:
    class Bare(Walk):
        def __init__(self) -> None:
            raise AssertionError  # pytest gives its own a text

    with pytest.raises(EnvFailed, match=r"\(AssertionError at .*test_third_party\.py:\d+\)"):
        make(Bare, 1, 0)
    assert as_flags("give them as `env_kwargs`") == "give them as --env-kwargs"


def test_what_an_old_or_near_id_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Registered with the old gym package, or by another version."""
    old = types.ModuleType("gym.envs.registration")
    old.registry = {"Mario-v0": None}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gym.envs.registration", old)
    (tmp_path / "old_games.py").write_text(
        "import gymnasium\ngymnasium.register('Hop-v3', 'x:Y')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        with pytest.raises(UserError, match="old_games registers it with the old gym package, not"):
            source("old_games:Mario-v0")
        with pytest.raises(UserError, match="old_games does not register it .did you mean Hop-v3"):
            source("old_games:Hop-v2")
    finally:
        gym.registry.pop("Hop-v3", None)


def test_old_spaces_say_what_wraps_them() -> None:
    Tuple_ = type("Tuple", (), {"__module__": "gym.spaces.tuple"})
    spaces_ = {"observation_space": Box(0, 1, (1,), np.float32), "action_space": Tuple_()}
    with pytest.raises(UserError, match=r"has Tuple \(gym's, not .* shimmy.GymV21Compatibility"):
        make(type("Actions", (Walk,), spaces_), 1, 0)


def test_who_wants_a_screen_is_told_of_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text("raise RuntimeError('no display name and no $DISPLAY')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match="imported .*it wants a screen; .*xvfb-run"):
        source("shown:Shown-v0")


def script() -> Any:
    path = Path(__file__).parents[1] / "benchmarks" / "third_party.py"
    spec = importlib.util.spec_from_file_location("third_party", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_has_found() -> None:
    tried = script()
    found = json.loads(tried.JSON.read_text(encoding="utf-8"))
    assert tried.PAGE.read_text(encoding="utf-8") == tried.page(found["rows"], found["date"])
    assert {row["env"] for row in found["rows"]} == {
        case.env.replace(f"{tried.HERE}/", "") for case in tried.CASES
    }
    assert all(row["verdict"] in ("works", "refused", "fails") for row in found["rows"])
    assert len({row["package"] for row in found["rows"]}) >= 12


def test_lines_are_without_this_machine() -> None:
    tried = script()
    line = "Aims gave nothing (env step 0); the last good checkpoint is /tmp/x/step-0.safetensors"
    assert tried.shown(line) == "Aims gave nothing (env step 0)"
    assert tried.shown("File /home/me/env.py failed") == "File env.py failed"
    assert tried.last("drl: warning: slow\ndrl: no env\nTraceback") == "no env"
    assert tried.last("Traceback\nValueError: no") == "ValueError: no"
    assert tried.escaped("a|b `c` <d>") == "a\\|b 'c' &lt;d>"
