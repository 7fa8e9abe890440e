"""Callbacks: when they are told, what their False does, what they remember, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import assert_same, latest, rows

from agents import Evaluation
from drl import (
    Callback,
    Every,
    Result,
    StopAfterTime,
    StopAtReturn,
    StopWithoutProgress,
    TrainingWarning,
    UserError,
    load_policy,
    load_run,
    train,
)
from drl.cli.main import main
from drl.experiment.callbacks import EVENTS
from drl.experiment.interrupt import Interrupt
from drl.experiment.task import Evaluated

SETTINGS: dict[str, Any] = {
    "num_envs": 16, "steps": 96, "eval_every": 48, "checkpoint_every": 32, "log_every": 32,
    "eval_episodes": 2, "learning_starts": 32, "batch_size": 8, "hidden": (8,), "log": "minimal",
    "log_to": ("csv",), "progress": False, "solved_at": None,
}  # fmt: skip
each_job = pytest.mark.parametrize("job", ["dqn", "digits"])


@pytest.fixture(autouse=True)
def no_signal_was_just_there() -> Iterator[None]:
    """A second one within a second ends a loop of trainings: the test before this one sent none."""
    Interrupt.last = -np.inf
    yield
    Interrupt.last = -np.inf


def short(job: str = "dqn", run: Path | None = None, **changes: Any) -> Result:
    """A few steps; digits: two epochs of ninety updates, told of every ten."""
    if job == "dqn":
        return train("dqn", "CartPole-v1", run=run, **SETTINGS | changes)
    settings = {"epochs": 2, "batch_size": 16, "checkpoint_every": 0, "log": "none"} | changes
    return train("digits", run=run, progress=False, **settings)


class Recorder(Callback):
    """Everything that it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []
        self.whats: list[Any] = []

    def tell(self, event: str, experiment: Any, *what: Any) -> None:
        self.events.append((event, experiment.step))
        self.whats += what

    def on_start(self, experiment: Any) -> None:
        self.tell("start", experiment)

    def on_step(self, experiment: Any, progress: Any) -> None:
        assert progress.step == experiment.step
        self.tell("step", experiment, progress)

    def on_update(self, experiment: Any, update: Any) -> None:
        self.tell("update", experiment, update)

    def on_evaluation(self, experiment: Any, evaluated: Any) -> None:
        self.tell("evaluation", experiment, evaluated)

    def on_checkpoint(self, experiment: Any) -> None:
        assert latest(experiment.run.directory)["task"] is not None  # it is there
        self.tell("checkpoint", experiment)

    def on_end(self, experiment: Any, summary: Any) -> None:
        assert experiment.run is None or (experiment.run.directory / "summary.json").exists()
        self.tell("end", experiment, summary)


def saying_false(event: str, at: int = 0) -> Callback:
    """A callback that says False once at this event, after so many steps."""

    def says(self: Any, experiment: Any, *what: Any) -> Any:
        return False if experiment.step >= at else None

    made: Callback = type("Stopper", (Callback,), {event: says})()
    return made


class Learns(Callback):
    """Remembers the parameters of all steps, in one number."""

    def __init__(self) -> None:
        self.steps, self.crc, self.last = 0, 0, np.zeros(0)

    def on_step(self, experiment: Any, progress: Any) -> None:
        net = experiment.task.net
        self.last = net.ops.numpy(net.params).astype(np.float64)
        self.steps, self.crc = self.steps + 1, zlib.crc32(self.last.tobytes(), self.crc)

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps, "crc": self.crc, "last": self.last}

    def load_state(self, state: dict[str, Any]) -> None:
        self.steps, self.crc, self.last = state["steps"], state["crc"], state["last"]


class Kills(Callback):
    """Ends the process without a word."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_step(self, experiment: Any, progress: Any) -> None:
        if experiment.step >= self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class Signals(Callback):
    """Ctrl-C, once, after so many steps; `times` of them."""

    def __init__(self, at: int = 48, times: int = 1, number: int = signal.SIGINT) -> None:
        self.at, self.times, self.number, self.sent = at, times, number, False

    def on_step(self, experiment: Any, progress: Any) -> None:
        if experiment.step >= self.at and not self.sent:
            self.sent = True
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


# -- events -------------------------------------------------------------------------------------
def test_events_come_in_order(tmp_path: Path) -> None:
    """16 environments; the first update after 32 steps, evaluations every 48, checkpoints 32."""
    seen = Recorder()
    short(run=tmp_path / "run", callbacks=[seen])
    assert seen.events == [
        ("start", 0), ("checkpoint", 0),
        ("step", 16),
        ("step", 32), ("checkpoint", 32),
        ("step", 48), ("update", 48), ("evaluation", 48),
        ("step", 64), ("update", 64), ("checkpoint", 64),
        ("step", 80), ("update", 80),
        ("step", 96), ("update", 96), ("evaluation", 96), ("checkpoint", 96),
        ("end", 96),
    ]  # fmt: skip
    summary = seen.whats[-1]
    assert summary == json.loads((tmp_path / "run" / "summary.json").read_text())
    updates = [what.number for what in seen.whats if hasattr(what, "number")]
    assert updates == [16, 32, 48, 64]  # the newest of the sixteen that a step brings


def test_without_a_run_there_are_no_checkpoints() -> None:
    seen = Recorder()
    short(callbacks=[seen])
    assert "checkpoint" not in {event for event, _ in seen.events}
    assert seen.events[0] == ("start", 0) and seen.events[-1] == ("end", 96)


def test_events_of_a_classifier(tmp_path: Path) -> None:
    seen = Recorder()
    result = short("digits", tmp_path / "run", callbacks=[seen])
    epoch = result.task.training.updates_per_epoch
    assert seen.events[:2] == [("start", 0), ("checkpoint", 0)]
    assert [e for e in seen.events if e[0] == "evaluation"] == [
        ("evaluation", epoch), ("evaluation", 2 * epoch)
    ]  # fmt: skip
    end = seen.events.index(("evaluation", epoch))
    assert seen.events[end - 2 : end + 2] == [
        ("step", epoch), ("update", epoch), ("evaluation", epoch), ("checkpoint", epoch)
    ]  # fmt: skip
    assert seen.events[-1] == ("end", 2 * epoch)


# -- False --------------------------------------------------------------------------------------
WHERE = {  # event → env steps that the run has made when its False ends it
    "on_start": 0, "on_step": 16, "on_update": 48, "on_evaluation": 48, "on_checkpoint": 0,
    "on_end": 96,
}  # fmt: skip


@pytest.mark.parametrize("event", EVENTS)
def test_false_finishes_the_run_with_everything_kept(
    event: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    result = short(run=run, callbacks=[saying_false(event)])
    assert result.stopped_by == "Stopper" and not result.interrupted
    assert result.env_steps == WHERE[event]
    summary = json.loads((run / "summary.json").read_text())
    assert summary["stopped_by"] == "Stopper" and summary["interrupted"] is False
    assert summary == result.summary
    assert latest(run)["task"]["env_steps"] == WHERE[event]
    assert result.policy(np.zeros(4, np.float32)) in (0, 1)
    assert main(["resume", str(run)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is finished (stopped by Stopper" in line and "--steps" in line
    assert main(["resume", str(run), "--steps", "128", "--json"]) == 0  # unless more is asked for
    assert json.loads((run / "summary.json").read_text())["env_steps"] == 128


@pytest.mark.parametrize("event", ["on_start", "on_step", "on_evaluation"])
def test_false_finishes_a_classifier_too(
    event: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, at = tmp_path / "run", 20 if event == "on_step" else 0
    result = short("digits", run, callbacks=[saying_false(event, at)])
    assert result.stopped_by == "Stopper"
    assert result.task.step < result.task.goal
    assert latest(run)["model"]["updates"] == result.task.step
    assert main(["resume", str(run)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"is finished (stopped by Stopper after {result.task.step} updates)" in line


def test_a_command_whose_agent_says_false_exits_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An agent may have callbacks of its own: its module offers them."""
    own = saying_false("on_step", at=48)
    monkeypatch.setattr("agents.dqn.callbacks", lambda task, config, setup: [own])
    run = ["--run", str(tmp_path / "run"), "--log", "none"]
    assert main(["train", "dqn", *run, "--json", "--learning-starts", "32"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["stopped_by"], summary["env_steps"]) == ("Stopper", 48)
    assert not summary["interrupted"]


@pytest.mark.parametrize("answer", [True, None, 0, "", np.True_])
def test_only_false_is_false(answer: Any) -> None:
    assert short(callbacks=[Every(16, lambda experiment: answer)]).env_steps == 96


def test_numpys_false_is_false() -> None:
    assert short(callbacks=[Every(32, lambda experiment: np.False_)]).env_steps == 32
    numpys = type("Numpys", (Callback,), {"on_update": lambda *_: np.float32(1) > 2})
    assert short(callbacks=[numpys()]).stopped_by == "Numpys"


def test_the_first_that_says_false_is_named_and_all_hear_the_event() -> None:
    seen = Recorder()
    one, two = Every(32, lambda _: False), Every(32, lambda _: False)
    assert short(callbacks=[one, two, seen]).stopped_by == "Every"
    assert seen.events == [("start", 0), ("step", 16), ("step", 32), ("end", 32)]
    never, two = Every(96, lambda _: None), Every(32, lambda _: False)
    assert short(callbacks=[never, two]).stopped_by == "Every-2"


# -- ready ones ---------------------------------------------------------------------------------
def test_stop_at_return() -> None:
    """An episode of CartPole earns 8 at least, and 500 at most."""
    result = short(callbacks=[StopAtReturn(8.0)])
    assert (result.stopped_by, result.env_steps) == ("StopAtReturn", 48)
    assert result.mean_reward is not None and result.mean_reward >= 8.0
    assert short(callbacks=[StopAtReturn(501.0)]).stopped_by is None
    accurate = short("digits", callbacks=[StopAtReturn(0.2)])
    assert accurate.stopped_by == "StopAtReturn" and accurate.summary["epochs"] == 1.0


def test_a_score_of_nan_reaches_nothing() -> None:
    evaluated = Evaluated({}, float("nan"))
    experiment: Any = None
    assert StopAtReturn(1.0).on_evaluation(experiment, evaluated) is not False


def test_stop_after_time(tmp_path: Path) -> None:
    result = short(callbacks=[StopAfterTime(1e-9)])
    assert (result.stopped_by, result.env_steps) == ("StopAfterTime", 16)
    assert short(callbacks=[StopAfterTime(1e9)]).stopped_by is None


def test_the_time_of_all_sessions_counts(tmp_path: Path) -> None:
    """0.2 s in the first session, and no more than the rest of 0.3 in the second."""
    run, pause = tmp_path / "run", Every(16, lambda experiment: time.sleep(0.05))
    first = short(run=run, callbacks=[pause, Signals(at=64)])
    assert first.interrupted and first.summary["seconds"] >= 0.2
    second = load_run(run).resume(
        steps=10_000, progress=False, callbacks=[pause, StopAfterTime(0.3)]
    )
    assert second.stopped_by == "StopAfterTime"
    assert second.summary["seconds"] >= 0.3 and second.env_steps <= 64 + 3 * 16


def told(callback: Callback, scores: list[float]) -> list[bool]:
    """Which of evaluations with these scores it stops at."""
    experiment: Any = None
    return [callback.on_evaluation(experiment, Evaluated({}, s)) is False for s in scores]


def test_stop_without_progress() -> None:
    assert told(StopWithoutProgress(2), [1, 2, 2, 3, 3, 3]) == [False] * 5 + [True]
    assert told(StopWithoutProgress(1), [-5, -5]) == [False, True]
    assert told(StopWithoutProgress(2, by=1.0), [1, 1.9, 2.1, 3, 3.1]) == [
        False, False, False, False, True,
    ]  # fmt: skip
    before, after = StopWithoutProgress(3), StopWithoutProgress(3)
    told(before, [5, 4, 3])
    after.load_state(json.loads(json.dumps(before.state())))
    assert told(after, [4]) == [True]
    fresh = StopWithoutProgress(3)
    fresh.load_state(StopWithoutProgress(3).state())
    assert told(fresh, [4, 4, 4, 4]) == [False, False, False, True]


def test_a_training_without_progress_is_stopped() -> None:
    result = short(callbacks=[StopWithoutProgress(1, by=1e9)], steps=960)
    assert (result.stopped_by, result.env_steps) == ("StopWithoutProgress", 96)


def test_every_so_many_steps() -> None:
    steps: list[int] = []
    short(callbacks=[Every(40, lambda experiment: steps.append(experiment.step))], steps=200)
    assert steps == [48, 80, 128, 160, 208]  # the first multiple of 16 from each multiple of 40 on
    short(callbacks=[Every(3, lambda experiment: steps.append(experiment.step))], steps=48)
    assert steps[5:] == [16, 32, 48]  # not more often than there are pauses


@pytest.mark.parametrize(
    "make",
    [lambda: StopAfterTime(0), lambda: StopAfterTime(float("nan")),
     lambda: StopWithoutProgress(0), lambda: Every(0, print)],
)  # fmt: skip
def test_what_cannot_be_is_one_line(make: Any) -> None:
    with pytest.raises(UserError, match="is not possible: give") as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [([print], "no callback"), ([StopAtReturn], "no callback"), (StopAtReturn(1), "a list"),
     (3, "a list")],
)  # fmt: skip
def test_what_is_no_callback_is_said_before_a_file_is_made(
    given: Any, words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words):
        short(run=tmp_path / "run", callbacks=given)
    assert not (tmp_path / "run").exists()


# -- state --------------------------------------------------------------------------------------
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_callbacks import Every, Kills, Learns, StopWithoutProgress, short
short({job!r}, Path({run!r}), callbacks=[
    Learns(), StopWithoutProgress(50), Every(48, lambda e: None), Kills({at})])
"""


def killed(job: str, run: Path, at: int) -> None:
    """A training of a process of its own that is killed after `at` steps."""
    code = SCRIPT.format(tests=str(Path(__file__).parent), job=job, run=str(run), at=at)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (run / "summary.json").exists()


def kept() -> list[Callback]:
    return [Learns(), StopWithoutProgress(50), Every(48, lambda experiment: None)]


@pytest.mark.parametrize(("job", "at"), [("dqn", 80), ("digits", 130)])
def test_killed_and_resumed_they_remember_to_the_last_bit(
    job: str, at: int, tmp_path: Path
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    unbroken = kept()
    short(job, whole, callbacks=unbroken)
    killed(job, run, at)
    assert 0 < latest(run)["callbacks"]["Learns"]["steps"] < unbroken[0].state()["steps"]
    again = kept()
    result = load_run(run).resume(progress=False, callbacks=again)
    assert result.stopped_by is None and not result.interrupted
    assert_same(latest(whole), latest(run))
    for one, other in zip(unbroken, again, strict=True):
        assert_same(one.state(), other.state())
    assert latest(run)["callbacks"].keys() >= {"Learns", "StopWithoutProgress", "Every"}


def test_callbacks_that_are_missing_on_resume_are_said_and_their_state_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    short(run=whole, callbacks=[Learns()])
    first = Learns()
    assert short(run=run, callbacks=[first, Signals(at=48)]).interrupted
    with pytest.warns(TrainingWarning, match="a callback Learns, which is not here"):
        load_run(run).resume(steps=64, progress=False)
    assert_same(latest(run)["callbacks"]["Learns"], first.state())
    capsys.readouterr()
    assert main(["resume", str(run), "--steps", "80", "--json"]) == 0
    assert "a callback Learns, which is not here" in capsys.readouterr().err
    again = Learns()
    load_run(run).resume(steps=96, progress=False, callbacks=[again])
    assert again.steps == first.steps + 1  # it goes on from where it was last told of a step
    assert latest(run)["callbacks"]["Learns"]["steps"] == again.steps


def test_two_of_a_class_keep_their_own(tmp_path: Path) -> None:
    run = tmp_path / "run"
    some, many = Every(16, lambda _: None), Every(1_000, lambda _: None)
    assert short(run=run, callbacks=[some, many, Signals(at=48)]).interrupted
    state = latest(run)["callbacks"]
    assert (state["Every"], state["Every-2"]) == ({"next": 64}, {"next": 1_000})
    again = [Every(16, lambda _: None), Every(1_000, lambda _: None)]
    load_run(run).resume(progress=False, callbacks=again)
    assert [one.next for one in again] == [112, 1_000]


def test_a_state_that_is_anothers_is_refused_in_one_line(tmp_path: Path) -> None:
    class Learns(Callback):
        """Another of that name."""

        def load_state(self, state: dict[str, Any]) -> None:
            raise KeyError("sum")

    run = tmp_path / "run"
    short(run=run, callbacks=[globals()["Learns"](), Signals(at=48)])
    with pytest.raises(UserError, match="state of the callback Learns") as error:
        load_run(run).resume(progress=False, callbacks=[Learns()])
    assert "\n" not in str(error.value)


# -- they only look -----------------------------------------------------------------------------
@each_job
def test_the_bytes_are_the_same_with_and_without(job: str, tmp_path: Path) -> None:
    with_them, without = tmp_path / "with", tmp_path / "without"
    short(job, with_them, callbacks=[Recorder(), *kept(), StopAfterTime(1e9)], log="minimal")
    short(job, without, log="minimal")
    states = [latest(run) for run in (with_them, without)]
    for state in states:
        for name in ("Learns", "StopWithoutProgress", "Every"):
            state["callbacks"].pop(name, None)
    assert_same(*states)
    if job == "dqn":
        best = [(run / "checkpoints" / "best.safetensors") for run in (with_them, without)]
        assert best[0].read_bytes() == best[1].read_bytes()
        curves = [rows(run) for run in (with_them, without)]
        assert curves[0] == curves[1] and len(curves[0]) > 3


def test_one_can_write_curves_of_its_own(tmp_path: Path) -> None:
    run = tmp_path / "run"
    log = Every(32, lambda e: e.log.scalar("mine/half", e.step / 2, e.step))
    short(run=run, callbacks=[log])
    assert [float(row["mine/half"]) for row in rows(run) if row.get("mine/half")] == [16, 32, 48]
    short(callbacks=[log])  # and without a run nothing happens


def test_one_can_warn() -> None:
    with pytest.warns(TrainingWarning, match="look here"):
        short(callbacks=[Every(96, lambda experiment: experiment.warn("look here"))])


def test_one_sees_what_was_evaluated() -> None:
    seen = Recorder()
    result = short(callbacks=[seen])
    evaluated = [what for what in seen.whats if isinstance(what, Evaluated)]
    assert [isinstance(e.result, Evaluation) for e in evaluated] == [True, True]
    assert max(e.score for e in evaluated) == result.mean_reward
    assert evaluated[0].metrics["eval/mean_reward"] == evaluated[0].score


def test_one_that_raises_ends_training_as_it_is(tmp_path: Path) -> None:
    class Fails(Callback):
        def on_step(self, experiment: Any, progress: Any) -> None:
            if experiment.step == 80:
                raise ZeroDivisionError("mine")

    run = tmp_path / "run"
    with pytest.raises(ZeroDivisionError, match="mine"):
        short(run=run, callbacks=[Fails()])
    assert latest(run)["task"]["env_steps"] == 64
    assert load_run(run).resume(progress=False).env_steps == 96


# -- Ctrl-C -------------------------------------------------------------------------------------
@each_job
def test_ctrl_c_gives_what_was_learnt(job: str, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    whole, run = tmp_path / "whole", tmp_path / "run"
    short(job, whole)
    seen = Recorder()
    result = short(job, run, callbacks=[Signals(), seen])
    assert result.interrupted and result.stopped_by is None
    assert 48 <= result.task.step < short(job).task.step
    assert seen.events[-1][0] == "end" and seen.whats[-1]["interrupted"]
    assert json.loads((run / "summary.json").read_text())["interrupted"] is True
    assert signal.getsignal(signal.SIGINT) is before
    load_run(run).resume(progress=False)
    assert_same(latest(whole), latest(run))
    if job == "dqn":
        result.policy.save(tmp_path / "policy.safetensors")
        assert load_policy(tmp_path / "policy.safetensors")(np.zeros(4)) in (0, 1)


def test_ctrl_c_without_a_run() -> None:
    result = short(callbacks=[Signals(at=48)])
    assert result.interrupted and result.env_steps == 48
    assert result.policy(np.zeros(4, np.float32)) in (0, 1)


def test_ctrl_c_comes_whenever_it_wants() -> None:
    """From a thread, as from a terminal or a notebook's button."""

    class Starts(Callback):
        def on_start(self, experiment: Any) -> None:
            timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
            timer.daemon = True
            timer.start()

    result = short(steps=10**9, eval_every=10**9, callbacks=[Starts()])
    assert result.interrupted and 0 < result.env_steps < 10**9


def test_a_second_ctrl_c_within_a_second_ends_at_once(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        short(run=tmp_path / "run", callbacks=[Signals(at=80, times=2)])
    assert signal.getsignal(signal.SIGINT) is before
    result = load_run(tmp_path / "run").resume(progress=False)  # nothing but the last steps is lost
    assert result.env_steps == 96 and not result.interrupted


def test_a_second_ctrl_c_ends_a_loop_of_trainings() -> None:
    results = []
    with pytest.raises(KeyboardInterrupt):
        for seed in range(5):
            results.append(short(seed=seed, callbacks=[Signals(at=32)]))
    assert [result.interrupted for result in results] == [True]


def test_a_later_ctrl_c_ends_the_next_training_only() -> None:
    results = []
    for seed in range(3):
        results.append(short(seed=seed, callbacks=[Signals(at=32)] if seed != 1 else []))
        Interrupt.last -= 2.0  # as if two seconds had passed
    assert [result.interrupted for result in results] == [True, False, True]


def test_a_false_is_more_than_a_signal() -> None:
    result = short(callbacks=[Signals(at=48), saying_false("on_step", at=48)])
    assert (result.stopped_by, result.interrupted) == ("Stopper", False)


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    """nohup, and a shell's background jobs."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        result = short(callbacks=[Signals(at=48, number=signal.SIGHUP)])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert not result.interrupted and result.env_steps == 96


def test_in_another_thread_there_are_no_signals_and_it_trains() -> None:
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(short(callbacks=[Recorder()])))
    thread.start()
    thread.join()
    assert results[0].env_steps == 96
