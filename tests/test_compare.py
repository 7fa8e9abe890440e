"""`drl compare`: who is grouped with whom, the numbers, the image."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drl.cli.main import main
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment.results import Group, Result, find, group, read
from drl.statistics import bootstrap_interval, interquartile_mean

SHORT = ["--steps", "300", "--log", "minimal", "--eval-every", "100", "--eval-episodes", "2"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two settings of a DQN with three and one seeds, and digits of one."""
    home = tmp_path_factory.mktemp("compare")
    for name, args in {
        "a1": ["dqn", "--seed", "1", *SHORT],
        "a2": ["dqn", "--seed", "2", *SHORT, "--log-every", "50"],
        "a3": ["dqn", "--seed", "3", *SHORT],
        "b1": ["dqn", "--seed", "1", *SHORT, "--bootstrap", "max", "--hidden", "8"],
        "d1": ["digits", "--epochs", "2", "--log", "minimal"],
    }.items():
        assert main(["train", *args, "--run", str(home / name), "--json"]) == 0
    return home


def summary(run: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return result


def test_groups_and_their_numbers(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["groups"]
    named = {(row["group"], row["metric"]): row for row in rows}
    of = "CartPole-v1  dqn"
    a, b = f"{of} hidden=64,64 bootstrap=double", f"{of} hidden=8 bootstrap=max"
    assert set(named) == {
        (a, "best evaluation"), (a, "last evaluation"),
        (b, "best evaluation"), (b, "last evaluation"),
        ("digits  mlp", "test accuracy"),
    }  # fmt: skip

    best = np.array([summary(runs / f"a{n}")["best_mean_reward"] for n in (1, 2, 3)])
    row = named[a, "best evaluation"]
    assert row["seeds"] == [1, 2, 3] and row["mean"] == pytest.approx(best.mean())
    assert row["iqm"] == pytest.approx(interquartile_mean(best))
    assert (row["low"], row["high"]) == pytest.approx(bootstrap_interval(best))
    assert row["steps"] == summary(runs / "a1")["env_steps"] == 304
    seconds = [summary(runs / f"a{n}")["seconds"] for n in (1, 2, 3)]
    assert row["seconds"] == np.median(seconds)

    alone = named["digits  mlp", "test accuracy"]
    assert alone["mean"] == summary(runs / "d1")["test_accuracy"]
    assert alone["low"] is None and alone["high"] is None  # one run tells nothing of another


def test_the_table(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *(str(runs / name) for name in ("a1", "a2", "d1"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "runs", "metric", "mean", "IQM", "95", "%", "interval", "seconds", "steps"
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["CartPole-v1", "CartPole-v1", "digits"]
    assert len({len(line) for line in lines}) == 1  # columns stand below each other


def test_a_curve_is_the_checks_of_the_run(runs: Path) -> None:
    result = read(runs / "a1", Console())
    assert result is not None
    steps, values = result.curve
    assert steps.tolist() == [112, 208, 304]  # env steps: 16 at a time
    assert values.max() == pytest.approx(summary(runs / "a1")["best_mean_reward"])
    assert result.metrics()["last evaluation"] == values[-1]


def test_curves_meet_on_common_steps() -> None:
    """By hand: a line between checks, the last value kept, nothing before all have begun."""

    def result(steps: list[int], values: list[float]) -> Result:
        return Result({"seed": 0}, {}, (np.array(steps), np.array(values)))

    both = [result([10, 30], [1.0, 3.0]), result([20, 30, 40], [0.0, 6.0, 8.0])]
    steps, values = Group("dqn", "env", "dqn", "", [*both, result([], [])]).curves()
    assert steps.tolist() == [20, 30, 40]
    assert values.tolist() == [[2, 3, 3], [0, 6, 8]]


def test_what_does_not_change_learning_does_not_part_runs() -> None:
    def result(**settings: Any) -> Result:
        job = {"job": "dqn", "env": "E"}
        return Result(job | settings, {}, (np.empty(0), np.empty(0)))

    groups = group(
        [result(seed=1, log="full", lr=0.1), result(seed=2, log="none", lr=0.1),
         result(seed=1, lr=0.2), result(seed=2)]
    )  # fmt: skip
    assert [(g.label, g.seeds) for g in groups] == [
        ("lr=0.1", [1, 2]), ("lr=0.2", [1]), ("lr=none", [2])
    ]  # fmt: skip


def run_of(job: str, **settings: Any) -> Result:
    return Result({"job": job, "seed": 1} | settings, {}, (np.empty(0), np.empty(0)))


def test_agents_are_told_apart_by_their_names() -> None:
    """Not by the settings in which any two agents differ; those of the environment are said of
    all."""
    dqn = run_of("dqn", env="E-v0", lr=1e-3, env_kwargs={})
    slower = run_of("dqn", env="E-v0", lr=1e-4, env_kwargs={})
    ppo = run_of("ppo", env="E-v0", lr=3e-4, clip=0.2, env_kwargs={})
    elsewhere = run_of("ppo", env="F-v0", lr=3e-4, clip=0.2, env_kwargs={})
    titles = ["E-v0  dqn", "E-v0  ppo", "F-v0  ppo"]
    assert [g.title for g in group([dqn, elsewhere, ppo])] == titles
    assert [g.name for g in group([dqn, ppo, slower])] == ["dqn lr=0.001", "dqn lr=0.0001", "ppo"]
    safe = run_of("ppo", env="E-v0", env_kwargs={"is_slippery": False})
    assert [g.name for g in group([dqn, safe])] == ["dqn", "ppo is_slippery=False"]


def test_classifiers_are_told_apart_by_their_models() -> None:
    mlp, wide = (run_of("digits", data="digits", model="mlp", hidden=h) for h in ([8], [64]))
    conv = run_of("digits", data="digits", model="conv", hidden=[4])
    assert [g.title for g in group([mlp, conv])] == ["digits  mlp", "digits  conv"]
    assert [g.name for g in group([mlp, conv, wide])] == ["mlp hidden=8", "mlp hidden=64", "conv"]


def test_an_agent_in_a_file_has_its_short_name_unless_two_share_it() -> None:
    one, other = (run_of(f"/{place}/mine.py", env="E-v0") for place in "ab")
    assert [g.who for g in group([one, run_of("dqn", env="E-v0")])] == ["mine", "dqn"]
    assert [g.who for g in group([one, other])] == ["/a/mine.py", "/b/mine.py"]


def test_the_plot_says_who_is_who(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A panel for each environment, a line for each agent in it."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from drl.experiment.results_plot import plot

    drawn: list[Any] = []
    saved = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda f, *a, **k: (drawn.append(f), saved(f, *a, **k)))
    some = np.array([1, 2]), np.array([0.0, 1.0])
    jobs = [("dqn", "E-v0"), ("ppo", "E-v0"), ("ppo", "F-v0")]
    results = [Result({"job": job, "env": env, "seed": 1}, {}, some) for job, env in jobs]
    plot(group(results), tmp_path / "out.png")
    (figure,) = drawn
    panels = {ax.get_title(): [t.get_text() for t in ax.get_legend().texts] for ax in figure.axes}
    assert panels == {"E-v0": [" dqn (1 run)", " ppo (1 run)"], "F-v0": [" ppo (1 run)"]}


def test_an_environment_in_a_file_has_its_short_name_unless_two_share_it() -> None:
    def result(env: str) -> Result:
        return Result({"job": "dqn", "env": env, "seed": 1}, {}, (np.empty(0), np.empty(0)))

    one, other = result("/a/my_env.py:MyEnv"), result("/b/my_env.py:MyEnv")
    called = Result(one.settings | {"env_kwargs": {"goal": 0.2}}, {}, one.curve)
    plain = Result(one.settings | {"env_kwargs": {}}, {}, one.curve)
    assert [g.label for g in group([called, plain])] == ["goal=0.2", ""]
    wrapped = Result(one.settings | {"wrappers": ["/a/my_env.py:Around"]}, {}, one.curve)
    bare = Result(one.settings | {"wrappers": []}, {}, one.curve)
    labels = [g.label for g in group([wrapped, bare])]
    assert labels == ["wrappers=my_env.py:Around", "wrappers=none"]
    assert [g.what for g in group([one, result("E-v0")])] == ["my_env.py:MyEnv", "E-v0"]
    assert [g.what for g in group([one, other])] == ["/a/my_env.py:MyEnv", "/b/my_env.py:MyEnv"]


def test_what_follows_from_steps_is_not_said_beside_them() -> None:
    """By hand: 100 of 100 and 300 of 300 are the same share; 100 of 300 is another."""

    def result(steps: int, anneal: int) -> Result:
        settings = {"job": "ppo", "env": "E-v0", "steps": steps, "anneal_steps": anneal}
        return Result(settings, {}, (np.empty(0), np.empty(0)))

    follows = group([result(100, 100), result(300, 300)])
    assert [g.label for g in follows] == ["steps=100", "steps=300"]
    apart = group([result(100, 100), result(300, 100)])
    assert [g.label for g in apart] == ["steps=100", "steps=300"]
    given = group([result(100, 100), result(300, 100), result(300, 300)])
    assert [g.label for g in given] == [
        "steps=100 anneal_steps=100", "steps=300 anneal_steps=100", "steps=300 anneal_steps=300"
    ]  # fmt: skip


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_the_plot(runs: Path, tmp_path: Path, suffix: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / f"curves{suffix}"
    assert main(["compare", str(runs), "--out", str(out), "--json"]) == 0
    content = out.read_bytes()
    assert content.startswith(begins)
    if suffix == ".png":
        from PIL import Image

        with Image.open(out) as image:
            assert image.size == (2100, 675)  # two panels
            assert len(image.convert("RGB").reduce(4).getcolors(maxcolors=2100 * 675)) > 50


def test_curves_over_seeds_for_tensorboard(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tensorboard.plugins.custom_scalar import layout_pb2, metadata

    from drl.experiment.results import curves

    seeds = [str(runs / f"a{n}") for n in (1, 2, 3)]
    board = tmp_path / "board"
    assert main(["compare", *seeds, "--tensorboard", str(board), "--json"]) == 0
    (home,) = json.loads(capsys.readouterr().out)["tensorboard"]
    assert Path(home) == board / "aggregate-CartPole-v1-dqn"

    whole = curves(Path(home))
    members = [curves(Path(seed))["eval/mean_reward"][1] for seed in seeds]
    at_step = np.array(members).T
    steps, iqm = whole["over_seeds/eval/mean_reward/iqm"]
    assert np.array_equal(whole["eval/mean_reward"][1], iqm)  # lies over the members' own
    assert steps.tolist() == [112, 208, 304]
    assert iqm == pytest.approx(interquartile_mean(at_step), rel=1e-6)
    assert whole["over_seeds/eval/mean_reward/mean"][1] == pytest.approx(
        at_step.mean(axis=1), rel=1e-6
    )
    bounds = np.array([bootstrap_interval(values) for values in at_step])
    assert whole["over_seeds/eval/mean_reward/low"][1] == pytest.approx(bounds[:, 0], rel=1e-6)
    assert whole["over_seeds/eval/mean_reward/high"][1] == pytest.approx(bounds[:, 1], rel=1e-6)
    assert "over_seeds/rollout/exploration_rate/iqm" in whole
    assert not any("time/" in tag or "final/" in tag for tag in whole)

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(home, size_guidance={"tensors": 0})
    events.Reload()
    (event,) = events.Tensors(metadata.CONFIG_SUMMARY_TAG)
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    (category,) = layout.category
    (series,) = category.chart[-1].margin.series  # the board shows the last margin chart first
    assert (
        category.title == "over seeds, by env steps"
        and series.value == "over_seeds/eval/mean_reward/iqm"
    )
    assert series.upper == "over_seeds/eval/mean_reward/high"


def test_an_aggregate_is_no_run_and_is_not_written_twice(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    for name in ("a1", "a2"):
        shutil.copytree(runs / name, tmp_path / name)
    assert main(["compare", str(tmp_path), "--tensorboard", str(tmp_path)]) == 0
    capsys.readouterr()
    everything = sorted(map(str, tmp_path.iterdir()))
    assert len(everything) == 3
    assert main(["compare", *everything, "--json"]) == 0  # as `drl compare runs/*` does
    assert json.loads(capsys.readouterr().out)["groups"][0]["seeds"] == [1, 2]
    for args, words in [
        ([str(tmp_path), "--tensorboard", str(tmp_path)], "exists: remove it"),
        ([str(tmp_path / "aggregate-CartPole-v1-dqn")], "give directories of runs"),
        ([str(tmp_path), "--tensorboard", str(tmp_path / "a1" / "summary.json")], "cannot write"),
    ]:
        assert main(["compare", *args]) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1


def test_the_curves_of_a_group_are_summed_once(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from drl.experiment import results_board

    summed, scalars = [], results_board.scalars
    monkeypatch.setattr(
        results_board, "scalars", lambda group: summed.append(group.title) or scalars(group)
    )
    assert main(["compare", str(runs), "--tensorboard", str(tmp_path / "board"), "--json"]) == 0
    assert len(summed) == len(set(summed)) > 1


def test_one_run_is_its_own_interval_and_long_curves_are_thinned() -> None:
    from drl.experiment.results_board import POINTS, scalars, summary

    assert summary(np.array([3.0])) == {"mean": 3, "iqm": 3, "low": 3, "high": 3}
    long = np.arange(1000), np.arange(1000.0)
    runs = [Result({"seed": n}, {}, long, {"a/b": long, "time/fps": long}) for n in range(2)]
    runs.append(Result({"seed": 3}, {}, long, {"a/b": long, "c": long}))
    found = scalars(Group("dqn", "env", "dqn", "", runs))
    assert list(found) == ["a/b"]
    steps, values = found["a/b"]
    assert len(steps) == POINTS and (steps[0], steps[-1]) == (0, 999)
    assert np.array_equal(values, np.stack([steps] * 3))


def test_runs_are_found_once(runs: Path) -> None:
    assert len(find([runs])) == 5
    assert len(find([runs / "a1", runs, runs / "a1" / ".." / "a1"])) == 5


def test_the_same_seed_twice_is_said(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    shutil.copytree(runs / "a1", tmp_path / "copy")
    assert main(["compare", str(runs / "a1"), str(tmp_path / "copy"), "--json"]) == 0
    assert "seed 1 is there more than once" in capsys.readouterr().err


def test_unfinished_runs_are_left_out(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    for name in ("going", "interrupted"):
        shutil.copytree(runs / "a1", tmp_path / name)
    (tmp_path / "going" / "summary.json").unlink()
    finished = summary(runs / "a1") | {"interrupted": True}
    (tmp_path / "interrupted" / "summary.json").write_text(json.dumps(finished))
    assert main(["compare", str(tmp_path), str(runs / "a2"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["groups"][0]["seeds"] == [2]
    assert "has not finished" in err and "drl resume" in err
    assert main(["compare", str(tmp_path)]) == 2


def test_mistakes(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for args, words in [
        ([], "compare what?"),
        ([str(tmp_path)], "no run"),
        ([str(runs), "--out", "curves.bmp"], ".png or .svg"),
        ([str(runs), "--out", str(tmp_path / "curves.png")], "drl-toolkit[plot]"),
    ]:
        assert main(["compare", *args]) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1
    with pytest.raises(UserError, match="no run"):
        find([tmp_path / "none"])


def test_runs_without_curves_cannot_be_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    run = tmp_path / "run"
    args = ["--epochs", "1", "--log", "none", "--run", str(run), "--json"]
    assert main(["train", "digits", *args]) == 0
    assert main(["compare", str(run), "--tensorboard", str(tmp_path / "board")]) == 2
    assert "--log minimal or full" in capsys.readouterr().err
    assert main(["compare", str(run), "--out", str(tmp_path / "c.png")]) == 2
    assert "--log minimal or full" in capsys.readouterr().err
