"""`--log-to`: the same curves, wherever they are written."""

import importlib
from pathlib import Path

import pytest

from drl.cli.main import main
from drl.experiment.config import RunConfig
from drl.experiment.results import curves
from drl.log.logger import Logger, Opening
from drl.log.table import CHECKSUM, read_rows
from drl.tables import LOGGERS, LoggerRow

SHORT = [
    "train", "dqn", "--seed", "1", "--num-envs", "8", "--learning-starts", "64",
    "--log-every", "64", "--checkpoint-every", "128", "--eval-every", "256",
    "--eval-episodes", "2", "--solved-at", "None", "--epsilon-steps", "3000", "--lr-steps", "25000",
]  # fmt: skip


def train(run: Path, *args: str) -> None:
    assert main([*SHORT, "--run", str(run), *args]) == 0


def events(run: Path) -> list[Path]:
    return list(run.glob("events.*"))


def test_files_instead_of_tensorboard_have_the_same_curves(tmp_path: Path) -> None:
    train(tmp_path / "board", "--steps", "512", "--log-to", "tensorboard")
    train(tmp_path / "files", "--steps", "512", "--log-to", "csv", "jsonl", "monitor")
    assert events(tmp_path / "board") and not events(tmp_path / "files")
    board, table = curves(tmp_path / "board"), curves(tmp_path / "files")
    assert board.keys() == table.keys() and "eval/mean_reward" in table
    for tag in board:
        if not tag.startswith("time/"):
            assert board[tag][0].tolist() == table[tag][0].tolist(), tag
            assert board[tag][1] == pytest.approx(table[tag][1], rel=1e-6), tag  # float32 there
    (tmp_path / "files" / "progress.csv").unlink()
    lines = curves(tmp_path / "files")
    assert {tag: values.tolist() for tag, (_, values) in lines.items()} == {
        tag: values.tolist() for tag, (_, values) in table.items()
    }
    rows = (tmp_path / "files" / "monitor.csv").read_text().splitlines()
    assert len(rows) > 10 and all(float(row.split(",")[0]) >= 1 for row in rows[2:])


def test_a_resumed_run_writes_the_table_of_the_whole_one(tmp_path: Path) -> None:
    def table(run: Path) -> list[dict[str, str]]:
        return [
            {tag: cell for tag, cell in row.items() if not tag.startswith("time/")}
            for row in read_rows(run / "progress.csv")
        ]

    train(tmp_path / "whole", "--steps", "768", "--log-to", "csv", "monitor")
    train(tmp_path / "parts", "--steps", "448", "--log-to", "csv", "monitor")
    assert main(["resume", str(tmp_path / "parts"), "--steps", "768"]) == 0
    whole, parts = table(tmp_path / "whole"), table(tmp_path / "parts")
    assert all(row[CHECKSUM] for row in whole if row["train/loss"])
    kept = [row for row in parts if row["step"] in {row["step"] for row in whole}]
    for a, b in zip(whole, kept, strict=True):
        assert a[CHECKSUM] == b[CHECKSUM], a["step"]

    def episodes(run: Path) -> list[str]:
        return [
            line.rsplit(",", 1)[0] for line in (run / "monitor.csv").read_text().splitlines()[1:]
        ]

    assert episodes(tmp_path / "whole") == episodes(tmp_path / "parts")


def test_compare_reads_runs_without_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in ("1", "2"):
        train(tmp_path / seed, "--steps", "512", "--seed", seed, "--log-to", "csv")
    capsys.readouterr()
    assert main(["compare", str(tmp_path)]) == 0
    assert "last evaluation" in capsys.readouterr().out


def test_an_unknown_logger_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SHORT, "--run", str(tmp_path / "run"), "--log-to", "tensorbord"]) == 2
    assert "tensorbord" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("writer", ["csv", "jsonl", "monitor"])
def test_curves_alone_keep_a_run_from_being_begun_anew(
    writer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed in the middle, and its checkpoints are gone: the curves are all there is."""
    run = tmp_path / "run"
    train(run, "--steps", "256", "--log-to", writer)
    for path in [run / "summary.json", *run.glob("checkpoints/*")]:
        path.unlink()
    before = {path: path.read_bytes() for path in run.glob("*.*")}
    assert main(["resume", str(run)]) == 2
    assert "checkpoints are gone" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in run.glob("*.*")}


def test_the_table_of_loggers_is_the_only_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row more, and it is opened, by a name that the settings take."""
    for name, row in LOGGERS.items():
        module = importlib.import_module(row.module)
        assert callable(module.open_logger) and module.last_step(tmp_path) == 0
        assert RunConfig(log_to=(name,)).log_to == (name,)
        if row.file is not None:
            logger = module.open_logger(Opening(name, tmp_path, {"env": "Mine"}))
            assert isinstance(logger, Logger)
            logger.close()
            assert (tmp_path / row.file).is_file()
    assert main([*SHORT, "--steps", "64", "--log-to", "nowhere"]) == 2
    error = capsys.readouterr().err
    assert all(name in error for name in LOGGERS) or "--log-to" in error

    told: list[Opening] = []
    mine = importlib.import_module("drl.log.lines")
    monkeypatch.setattr(mine, "open_logger", lambda about: told.append(about) or Logger())
    monkeypatch.setitem(LOGGERS, "mine", LoggerRow("drl.log.lines"))
    from drl.log.writers import check_writers, open_loggers

    check_writers(["mine"])
    open_loggers(["mine", "mine"], tmp_path, {"seed": 1}, resumed_at=64, episodes=3).close()
    assert told == [Opening("mine", tmp_path, {"seed": 1}, 65, 3)]
