"""progress.csv, progress.jsonl, monitor.csv: what is written comes back, also after a kill."""

import json
from pathlib import Path

import numpy as np
import pytest

from drl.log import Logger, Loggers
from drl.log.lines import Lines, read_lines
from drl.log.monitor import Monitor
from drl.log.table import Table, read_curves, read_rows


def test_a_row_holds_all_points_of_a_step_and_numbers_come_back_to_the_bit(tmp_path: Path) -> None:
    table = Table(tmp_path)
    table.scalars({"train/loss": 0.1, "n": 3}, 10)
    table.scalars({"eval/mean_reward": 1 / 3}, 10)
    table.scalars({"train/loss": float(np.float32(0.7))}, 20)
    table.close()
    lines = (tmp_path / "progress.csv").read_text().splitlines()
    assert lines == [
        "step,train/loss,n,eval/mean_reward",
        "10,0.1,3,0.3333333333333333",
        "20,0.699999988079071,,",
    ]
    assert read_curves(tmp_path / "progress.csv") == {
        "train/loss": [(10, 0.1), (20, float(np.float32(0.7)))],
        "n": [(10, 3.0)],
        "eval/mean_reward": [(10, 1 / 3)],
    }


def test_a_curve_that_begins_later_gets_its_column(tmp_path: Path) -> None:
    table = Table(tmp_path)
    for step in range(5):
        table.scalars({"a": step}, step)
    table.scalars({"a": 5, "b,with a comma": 6}, 5)
    table.close()
    rows = read_rows(tmp_path / "progress.csv")
    assert [row["a"] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert [row["b,with a comma"] for row in rows] == ["", "", "", "", "", "6"]


def test_a_resumed_table_is_the_whole_ones(tmp_path: Path) -> None:
    def write(directory: Path, steps: range, first: int | None) -> None:
        table = Table(directory, first)
        for step in steps:
            table.scalars({"a": step / 7} | ({"b": 1.0} if step % 3 == 0 else {}), step)
        table.close()

    write(tmp_path / "whole", range(1, 9), None)
    write(tmp_path / "parts", range(1, 7), None)
    with open(tmp_path / "parts" / "progress.csv", "a") as file:
        file.write("7,0.5")  # killed in the middle of a line
    write(tmp_path / "parts", range(5, 9), 5)  # the checkpoint was at step 4
    whole, parts = (tmp_path / d / "progress.csv" for d in ("whole", "parts"))
    assert whole.read_text() == parts.read_text()


def test_lines_are_json_and_drop_what_comes_again(tmp_path: Path) -> None:
    lines = Lines(tmp_path)
    lines.scalars({"a": 1.5, "b": float("nan")}, 1)
    lines.text("warnings", "the policy has collapsed", 2)
    lines.scalars({"a": 2}, 3)
    lines.close()
    with open(tmp_path / "progress.jsonl", "a") as file:
        file.write('{"step": 4, "a"')
    again = Lines(tmp_path, 3)
    again.scalars({"a": 4.0}, 3)
    again.flush()
    found = read_lines(tmp_path / "progress.jsonl")
    assert [line["step"] for line in found] == [1, 2, 3]
    assert found[0]["a"] == 1.5 and found[0]["b"] is None
    assert found[1]["warnings"] == "the policy has collapsed" and found[2]["a"] == 4.0
    again.close()


def test_monitor_is_what_stable_baselines3_reads(tmp_path: Path) -> None:
    """Its loader: the first line is a comment with JSON, then pandas.read_csv."""
    monitor = Monitor(tmp_path, "CartPole-v1")
    for n in range(4):
        monitor.episode(n + 0.25, n, n / 10)
    monitor.close()
    first, head, *rows = (tmp_path / "monitor.csv").read_text().splitlines()
    assert first[0] == "#" and json.loads(first[1:])["env_id"] == "CartPole-v1"
    assert head == "r,l,t" and rows[3] == "3.25,3,0.3"
    again = Monitor(tmp_path, "CartPole-v1", episodes=2)  # the checkpoint came after two
    again.episode(9, 9, 9)
    again.close()
    rows = (tmp_path / "monitor.csv").read_text().splitlines()
    assert rows[0] == first and rows[2:] == ["0.25,0,0.0", "1.25,1,0.1", "9,9,9"]


def test_a_full_disk_is_said_once_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table(tmp_path)
    table.scalars({"a": 1.0}, 1)
    table.flush()
    assert table._file is not None
    table._file.close()
    table._file = open("/dev/full", "a")  # noqa: SIM115
    for step in range(2, 6):
        table.scalars({"a": 1.0}, step)
        table.flush()
    table.close()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "training goes on" in said[0]


def test_several_loggers_are_one(tmp_path: Path) -> None:
    class Deaf(Logger):
        pass

    both = Loggers([Deaf(), Table(tmp_path), Lines(tmp_path), Monitor(tmp_path, "X")])
    both.scalars({"a": 1.0}, 1)
    both.episode(1.0, 2, 3.0)
    both.histogram("h", np.ones(3), 1)
    both.image("i", np.zeros((2, 2), np.uint8), 1)
    both.video("f", np.zeros((1, 2, 2, 3), np.uint8), 1.0, 1)
    both.text("t", "words", 1)
    both.pr_curve("p", np.ones(2, bool), np.ones(2), 1)
    both.layout({})
    both.hparams({}, [])
    both.close()
    assert read_curves(tmp_path / "progress.csv") == {"a": [(1, 1.0)]}
    assert len(read_lines(tmp_path / "progress.jsonl")) == 2
