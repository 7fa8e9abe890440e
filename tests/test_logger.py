"""What is written is what TensorBoard reads."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drl.logger import Logger, NullLogger


def read(directory: Path) -> EventAccumulator:
    events = EventAccumulator(
        str(directory), size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    )
    events.Reload()
    return events


def test_scalars(tmp_path: Path) -> None:
    out = Logger(tmp_path)
    for step in range(5):
        out.scalars({"a/x": step * 0.5, "a/y": -step}, step * 10)
    out.scalar("z", 7, 3)
    out.close()
    events = read(tmp_path)
    assert [(e.step, e.value) for e in events.Scalars("a/x")] == [
        (s * 10, s * 0.5) for s in range(5)
    ]
    assert [(e.step, e.value) for e in events.Scalars("z")] == [(3, 7.0)]


def test_histogram(tmp_path: Path) -> None:
    values = np.array([-1.0, 0.0, 0.5, 2.0, np.nan, np.inf])
    out = Logger(tmp_path)
    out.histogram("h", values, 4)
    out.histogram("none", np.array([np.nan]), 4)
    out.close()
    (event,) = read(tmp_path).Histograms("h")
    h = event.histogram_value
    assert (h.min, h.max, h.num, h.sum, h.sum_squares) == (-1.0, 2.0, 4.0, 1.5, 5.25)
    assert sum(h.bucket) == 4 and h.bucket_limit[-1] == 2.0


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1), (3, 5, 3)])
def test_image(shape: tuple[int, ...], tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    out = Logger(tmp_path)
    out.image("i", pixels, 2)
    out.close()
    (event,) = read(tmp_path).Images("i")
    decoded = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
    assert np.array_equal(decoded, pixels.squeeze()) and (event.height, event.width) == (3, 5)


@pytest.mark.parametrize("pixels", [np.zeros((2, 2)), np.zeros((2, 2, 5), np.uint8)])
def test_what_is_no_image_is_refused(pixels: np.ndarray, tmp_path: Path) -> None:
    out = Logger(tmp_path)
    with pytest.raises(ValueError):
        out.image("i", pixels, 0)
    out.close()


def test_text_and_layout(tmp_path: Path) -> None:
    from tensorboard.plugins.custom_scalar import layout_pb2, metadata

    out = Logger(tmp_path)
    out.text("config", "**bold**", 0)
    out.layout({"story": {"return": ["eval/mean_reward", "rollout/ep_rew_mean"]}})
    out.close()
    events = read(tmp_path)
    (text,) = events.Tensors("config")
    assert text.tensor_proto.string_val[0] == b"**bold**"
    (event,) = events.Tensors(metadata.CONFIG_SUMMARY_TAG)
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    (chart,) = layout.category[0].chart
    assert (layout.category[0].title, chart.title) == ("story", "return")
    assert list(chart.multiline.tag) == ["^eval/mean_reward$", "^rollout/ep_rew_mean$"]


def test_pr_curve_by_hand(tmp_path: Path) -> None:
    out = Logger(tmp_path)
    out.pr_curve("pr", [1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1], 3, thresholds=3)  # at 0, ½, 1
    out.close()
    (event,) = read(tmp_path).Tensors("pr")
    rows = np.frombuffer(event.tensor_proto.tensor_content, np.float32)
    if not rows.size:
        rows = np.array(event.tensor_proto.float_val, np.float32)
    tp, fp, tn, fn, precision, recall = rows.reshape(6, 3)
    assert tp.tolist() == [2, 1, 0] and fp.tolist() == [2, 1, 0]
    assert tn.tolist() == [0, 1, 2] and fn.tolist() == [0, 1, 2]
    assert precision.tolist() == [0.5, 0.5, 0.0] and recall.tolist() == [1.0, 0.5, 0.0]


def test_resumed_curve_is_one_line(tmp_path: Path) -> None:
    first = Logger(tmp_path)
    for step in range(10):
        first.scalar("x", step, step)
    first.close()
    second = Logger(tmp_path, purge_step=6)  # within the same second
    for step in range(6, 12):
        second.scalar("x", -step, step)
    second.close()
    points = [(e.step, e.value) for e in read(tmp_path).Scalars("x")]
    assert points == [(s, s) for s in range(6)] + [(s, -s) for s in range(6, 12)]


def test_a_full_disk_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Logger(tmp_path)

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    records = out._records
    out._records = type("Full", (), {"write": full, "flush": full, "close": full})()
    for step in range(3):
        out.scalar("x", 1.0, step)
    out.flush()
    out.close()
    records.close()
    assert capsys.readouterr().err.count("No space left") == 1


def test_null_logger_takes_everything() -> None:
    out = NullLogger()
    out.scalar("x", 1, 1)
    out.image("x", None, 1)
    out.close()
