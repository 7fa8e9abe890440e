"""Parts of an agent of one's own from the command line: what the same from Python gives, recorded,
resumed, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_line import refused
from trained import assert_same, latest

import drl
from agents import Bounded, Parts, q_target
from agents.dqn.own_target import OwnTarget, own_target
from drl import UserError, train
from drl.cli.main import main

OWN = '''
import numpy as np
from agents import EpsilonGreedy, Target
from agents.dqn.targets import q_target
from drl.nn.schedules import Cosine

cosine = Cosine(1e-3, 1e-4, 100)

def half(step):
    return 0.5

def words(step):
    return "much"

def ours(head, net, target_net, batch):
    return q_target(head, net, target_net, batch)

class Both:
    """Of one generator, as EpsilonGreedy."""

    def __init__(self, epsilon, actions, num_envs, rng):
        self.inner = EpsilonGreedy(epsilon, actions, rng)
        self.epsilon = epsilon
        self.state, self.load_state = self.inner.state, self.inner.load_state

    def __call__(self, greedy, env_steps, mask=None):
        return self.inner(greedy, env_steps, mask)

class Less:
    def __init__(self, actions):
        pass
'''
SHORT = [
    "--env", "drl/Catch-v0", "--steps", "320", "--num-envs", "4", "--learning-starts", "64",
    "--hidden", "8", "--eval-every", "160", "--eval-episodes", "2", "--log", "none",
]  # fmt: skip
ALL = ["bootstrap=own.py:ours", "lr=own.py:cosine", "epsilon=own.py:half",
       "exploration=own.py:Both"]  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN)


def params(run: str) -> np.ndarray:
    return latest(Path(run))["task"]["agent"]["net"]  # type: ignore[no-any-return]


def settings(run: str) -> Any:
    return json.loads(Path(run, "config.json").read_text())["settings"]


def test_they_are_what_python_gives(tmp_path: Path) -> None:
    assert main(["train", "dqn", *SHORT, "--run", "a", "--parts", *ALL]) == 0
    assert settings("a")["parts"] == {
        part: f"{tmp_path / 'own.py'}:{what}"
        for part, what in {"bootstrap": "ours", "lr": "cosine", "epsilon": "half",
                           "exploration": "Both"}.items()
    }  # fmt: skip
    parts = Parts(**dict(word.split("=") for word in ALL))
    result = drl.train(
        "dqn", "drl/Catch-v0", parts=parts, steps=320, num_envs=4, learning_starts=64, hidden=(8,),
        eval_every=160, eval_episodes=2, progress=False,
    )  # fmt: skip
    assert np.array_equal(params("a"), result.net.params)
    assert result.agent.exploration.epsilon(0) == 0.5
    assert main(["train", "dqn", *SHORT, "--run", "plain"]) == 0
    assert not np.array_equal(params("a"), params("plain"))


def test_a_run_goes_on_without_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "dqn", *SHORT, "--run", "whole", "--parts", *ALL]) == 0
    assert main(["train", "dqn", *SHORT, "--run", "half", "--parts", *ALL, "--steps", "200"]) == 0
    assert main(["resume", "half", "--steps", "320"]) == 0
    whole, half = latest(Path("whole")), latest(Path("half"))
    assert_same(whole["task"]["agent"], half["task"]["agent"])
    said = refused(capsys, "resume", "half", "--steps", "400", "--lr", "0.1")
    assert "--lr would change nothing: the run has your own lr" in said
    said = refused(capsys, "resume", "half", "--steps", "400", "--batch-size", "8")
    assert "--batch-size cannot change" in said
    assert main(["verify", "whole"]) == 0


def test_a_run_gives_them_on() -> None:
    assert main(["train", "dqn", *SHORT, "--run", "a", "--parts", *ALL]) == 0
    assert main(["train", "dqn", "--config", "a/config.json", "--run", "b"]) == 0
    assert settings("a") == settings("b") and np.array_equal(params("a"), params("b"))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            ["lr"],
            "'lr' is no part of dqn: give name=file.py:thing, with one of the names bootstrap",
        ),
        (["alpha=own.py:half"], "'alpha=own.py:half' is no part of dqn"),
        (["lr=own.py:half", "lr=own.py:cosine"], "your own lr is given twice"),
        (["lr=own.py:nothing"], "own.py has no 'nothing'"),
        (["lr=own.py:Both"], "your own lr is the class Both: give a function"),
        (["lr=own.py:words"], "your own lr gives no number at step 0 (ValueError: could not"),
        (
            ["exploration=own.py:Less"],
            "your own exploration Less cannot be made of (eps",
        ),
        (["exploration=own.py:half"], "is a function without state, load_state, epsilon"),
    ],
)
def test_what_cannot_be_is_one_line(
    parts: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, "train", "dqn", *SHORT, "--run", "a", "--parts", *parts)
    assert not Path("a").exists()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda head: None, "your own bootstrap failed (TypeError"),
        (lambda *given: None, "your own bootstrap gives None: expected Target(r, discount, z)"),
        (Bounded(lambda head: None, -1.0, 1.0), "your own bootstrap failed (TypeError"),
        (
            lambda *given: (made := q_target(*given))._replace(r=made.r[:, None]),
            "your own bootstrap gives r of shape (64, 1): expected (64,)",
        ),
    ],
)
def test_a_target_that_is_none_is_one_line(function: Any, said: str) -> None:
    parts, few = Parts(bootstrap=function), {"steps": 128, "learning_starts": 64}
    with pytest.raises(UserError) as error:
        train("dqn", "drl/Catch-v0", parts=parts, progress=False, **few)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_bound_of_ones_own_class_stays_one() -> None:
    class Raised(Bounded):
        """Ends elsewhere."""

    def own(*given: Any) -> Any:
        return q_target(*given)

    kept = own_target(given := Raised(own, -1.0, 1.0))
    assert isinstance(kept, Raised) and isinstance(kept.bootstrap, OwnTarget)
    assert (kept.low, kept.high) == (-1.0, 1.0) and given.bootstrap is own  # the user's is left
    assert own_target(ours := Bounded(q_target, -1.0, 1.0)) is ours


def test_a_flag_beside_the_part_in_its_place_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = "train", "dqn", *SHORT, "--run", "a", "--parts", "lr=own.py:cosine"
    said = refused(capsys, *words, "--lr", "0.1")
    assert "--lr would change nothing: the run has your own lr (own.py:cosine) in its" in said
    said = refused(capsys, *words[:-2], "--net", "own.py:half")  # --hidden is among SHORT
    assert "--hidden would change nothing: the run has your own net (own.py:half)" in said
    assert not Path("a").exists()
    assert main([*words]) == 0


def test_an_agent_without_parts_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).parent / "data" / "on_policy.py"
    words = "--env", "drl/Catch-v0", "--parts", "net=own.py:half"
    assert "on_policy takes no parts of your own" in refused(capsys, "train", str(file), *words)
