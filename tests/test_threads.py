"""Training takes one thread, and gives back what it found; commands run in any thread."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from drl import Callback, threads, train
from drl.cli.main import main
from drl.supervised import data
from drl.supervised import presets as recipes
from drl.supervised.training import Training
from drl.threads import one_thread


def counts() -> set[int]:
    """Threads of numpy's matrix products, and of torch's."""
    blas = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    return blas | {torch.get_num_threads()}


@pytest.fixture(autouse=True)
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has two threads, and whose user has not asked for a number."""
    monkeypatch.setattr(threads, "_asked", False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(2, user_api="blas"):
        if counts() != {2}:
            pytest.skip("a machine of one core")
        yield
    torch.set_num_threads(before)


SHORT: dict[str, Any] = {
    "hidden": (8,), "steps": 300, "learning_starts": 100, "eval_every": 100, "eval_episodes": 1,
    "solved_at": None, "progress": False,
}  # fmt: skip


class OnEvaluation(Callback):
    """Calls a function after each."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.function = function

    def on_evaluation(self, experiment: Any, evaluated: Any) -> None:
        self.function()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_train_takes_one_thread_and_gives_the_others_back(backend: str) -> None:
    seen: list[set[int]] = []
    look = OnEvaluation(lambda: seen.append(counts()))
    train("dqn", "CartPole-v1", callbacks=[look], backend=backend, **SHORT)
    assert seen and seen == [{1}] * len(seen)
    assert counts() == {2}

    def stop() -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        train("dqn", "CartPole-v1", callbacks=[OnEvaluation(stop)], **SHORT)
    assert counts() == {2}


def test_the_digits_too() -> None:
    digits = data.load("digits")
    training = Training(digits, recipes.preset("mlp", digits.image_shape))
    for _ in training:
        assert counts() == {1}
        break  # the iterator is thrown away here
    assert counts() == {2}


def test_commands_in_a_process_that_has_numpy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []
    learn = Training._learn
    monkeypatch.setattr(Training, "_learn", lambda *a: (seen.append(counts()), learn(*a))[1])
    run = ["train", "digits", "--model", "logistic", "--epochs", "1", "--run", str(tmp_path / "r")]
    assert main([*run, "--log", "none", "--json"]) == 0
    assert seen[0] == {1} and counts() == {2}


@pytest.mark.parametrize("first", ["here", "there"])
def test_bodies_inside_and_beside_each_other(first: str) -> None:
    """Whichever ends last, the numbers are those from before all of them."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_thread():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=other)
    with one_thread():
        with one_thread():
            assert counts() == {1}
        assert counts() == {1}
        thread.start()
        inside.wait(30)
        assert counts() == {1}
        if first == "there":
            leave.set()
            thread.join()
    leave.set()
    thread.join()
    assert counts() == {2}


def test_the_users_number_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_asked", True)
    with one_thread():
        assert counts() == {2}


def test_a_command_runs_in_a_thread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the main thread may handle signals: `main` elsewhere does without."""
    codes: list[int] = []
    run = str(tmp_path / "run")
    short = ["--steps", "600", "--log", "none", "--eval-every", "300", "--eval-episodes", "1"]

    def work() -> None:
        codes.append(main(["train", "dqn", "--run", run, "--json", *short]))
        codes.append(main(["evaluate", run, "--episodes", "2", "--json"]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert codes == [0, 0]
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first)["env_steps"] >= 600 and "mean_reward" in json.loads(second)
