"""Event files that were cut, changed or exchanged: a curve, or one clear line, and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from drl.errors import UserError
from drl.experiment.results import curve
from drl.log.tensorboard.writer import TensorBoard

TAG = "eval/mean_reward"
POINTS = [(10 * i, float(i * i)) for i in range(30)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    directory = tmp_path_factory.mktemp("events")
    out = TensorBoard(directory)
    out.text("config", "words " * 20, 0)
    for step, value in POINTS:
        out.scalars({TAG: value, "train/loss": value / 7}, step)
        out.histogram("h", np.arange(5) * value, step)
    out.close()
    (file,) = directory.glob("events.*")
    return file.read_bytes()


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One of: bytes changed, cut off, cut out, put in, doubled, or noise."""
    changed = bytearray(data)
    start, stop = np.sort(rng.integers(len(data) + 1, size=2))
    match rng.integers(6):
        case 0:
            for i in rng.integers(len(data), size=rng.integers(1, 9)):
                changed[i] = rng.integers(256)
        case 1:
            del changed[start:]
        case 2:
            del changed[start:stop]
        case 3:
            changed[start:start] = rng.bytes(int(rng.integers(1, 99)))
        case 4:
            changed[stop:stop] = changed[start:stop]
        case 5:
            changed = bytearray(rng.bytes(int(rng.integers(2000))))
    return bytes(changed)


def fuzz(data: bytes, directory: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    file = directory / "events.out.tfevents.1"
    whole = dict(POINTS)
    for _ in range(count):
        file.write_bytes(mutated(data, rng))
        try:
            steps, values = curve(directory, TAG)
        except UserError as error:
            assert "\n" not in str(error) and str(directory) in str(error)
            continue
        assert len(steps) == len(values) <= 2 * len(POINTS)
        for step, value in zip(steps.tolist(), values.tolist(), strict=True):
            assert whole[step] == value  # every record has a checksum: no wrong number gets through


def test_a_whole_file(written: bytes, tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1").write_bytes(written)
    steps, values = curve(tmp_path, TAG)
    assert list(zip(steps.tolist(), values.tolist(), strict=True)) == POINTS


def test_damaged_event_files(written: bytes, tmp_path: Path) -> None:
    fuzz(written, tmp_path, 1_000)


@pytest.mark.slow
def test_damaged_event_files_many_times(written: bytes, tmp_path: Path) -> None:
    fuzz(written, tmp_path, 100_000)
