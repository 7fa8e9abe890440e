"""TensorBoard's event files: scalars, histograms, images, text, layout, PR curves, hparams.

TensorBoard's own protos, without torch or tensorflow.  Writing is buffered; the
file reaches the disk every few seconds, and at `flush` and `close`.
"""

from __future__ import annotations

import math
import os
import re
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drl.extras import installed
from drl.files import require_file
from drl.images import gif
from drl.log.layout import Layout, Margin, Prefix
from drl.log.logger import Logger, Opening
from drl.log.tensorboard.records import Records

FLUSH_SECONDS = 5.0


class TensorBoard(Logger):
    """One event file in `directory`, which becomes one run of TensorBoard.

    purge_step   on resume: the first step that will be written again; TensorBoard then forgets
                 what an earlier file says from that step on, so that a curve is one line

    `step` is whatever the run counts (env steps, epochs).  A full or unwritable disk is said once
    and costs events, never the training.
    """

    def __init__(self, directory: Path, purge_step: int | None = None) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2

        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._silent = False
        self._records: Records | None = None
        self._flushed = time.monotonic()
        directory = Path(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            file = open(_free_name(directory), "xb", buffering=0)  # noqa: SIM115
            self._records = Records(file)
        except OSError as error:
            self._fail(error)
        self._write(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))
        if purge_step is not None:
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._write(event_pb2.Event(wall_time=time.time(), step=purge_step, session_log=start))

    # -- numbers ------------------------------------------------------------------------------
    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Several curves at one step, in one event."""
        summary = self._summary()
        for tag, value in values.items():
            summary.value.add(tag=tag, simple_value=float(value))
        self._add(summary, step)

    def histogram(self, tag: str, values: Any, step: int, bins: int = 30) -> None:
        """The distribution of an array's finite values, in bins of one width."""
        values = np.asarray(values, np.float64).ravel()
        values = values[np.isfinite(values)]
        if not len(values):
            return
        low, high = float(values.min()), float(values.max())
        width = (high - low) / bins or 1.0  # 1: all are equal
        # numpy.histogram gives the same and takes four times as long
        counts = np.bincount(((values - low) / width).astype(np.int64).clip(max=bins - 1))
        edges = low + width * np.arange(1, len(counts) + 1)
        edges[-1] = max(edges[-1], high)
        summary = self._summary()
        histogram = summary.value.add(tag=tag).histo
        histogram.min, histogram.max = low, high
        histogram.num, histogram.sum = float(len(values)), float(values.sum())
        histogram.sum_squares = float(values @ values)
        histogram.bucket_limit.extend(edges.tolist())
        histogram.bucket.extend(counts.tolist())
        self._add(summary, step)

    def pr_curve(
        self, tag: str, labels: Any, scores: Any, step: int, thresholds: int = 101
    ) -> None:
        """Precision over recall of a yes/no question.  labels (N,) bool, scores (N,) in [0, 1].

        ValueError where the two differ in length.
        """
        labels, scores = np.asarray(labels, bool).ravel(), np.asarray(scores).ravel()
        if len(labels) != len(scores):
            raise ValueError(f"{len(labels)} labels but {len(scores)} scores")
        level = np.linspace(0.0, 1.0, thresholds)
        level[0] = -1.0  # every score is above: recall 1
        tp = np.array([(scores[labels] > t).sum() for t in level])
        fp = np.array([(scores[~labels] > t).sum() for t in level])
        fn, tn = labels.sum() - tp, (~labels).sum() - fp
        precision = tp / np.maximum(tp + fp, 1)
        recall = tp / max(int(labels.sum()), 1)
        rows = np.stack([tp, fp, tn, fn, precision, recall])
        from tensorboard.plugins.pr_curve import metadata

        self._tensor(tag, rows, step, metadata.create_summary_metadata(tag, "", thresholds))

    # -- images and words -------------------------------------------------------------------
    def image(self, tag: str, pixels: np.ndarray, step: int) -> None:
        """uint8 (H, W), (H, W, 1) or (H, W, 3).  ValueError on anything else."""
        import io

        from PIL import Image

        pixels = np.asarray(pixels)
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        colours = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if pixels.dtype != np.uint8 or not colours or 0 in pixels.shape:
            raise ValueError(f"an image is uint8 (H, W[, 3]), got {pixels.dtype} {pixels.shape}")
        encoded = io.BytesIO()
        # the level: twice as fast as the default, for files a tenth larger
        Image.fromarray(pixels).save(encoded, format="PNG", compress_level=1)
        self._picture(tag, encoded.getvalue(), pixels.shape, step)

    def video(self, tag: str, frames: np.ndarray, fps: float, step: int) -> None:
        """uint8 (T, H, W, 3), `fps` images a second: a GIF, which the Images tab plays.

        ValueError on anything else.
        """
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or not frames.size:
            raise ValueError(f"a video is uint8 (T, H, W, 3), got {frames.dtype} {frames.shape}")
        self._picture(tag, gif(frames, fps, colours=64), frames.shape[1:], step)

    def text(self, tag: str, text: str, step: int) -> None:
        """Shown as it is: TensorBoard reads Markdown, and text may quote anything."""
        from tensorboard.plugins.text import metadata

        fence = "`" * max([3, *(1 + len(ticks) for ticks in re.findall("`+", text))])
        block = f"{fence}\n{text}\n{fence}".encode(errors="replace")
        self._tensor(tag, block, step, metadata.create_summary_metadata(tag, ""))

    # -- the board's own tabs -----------------------------------------------------------------
    def layout(self, layout: Layout) -> None:
        """The Custom Scalars tab.  Once, at the start of a run.

        TensorBoard 2.21 shows a category's margin charts last, and in reverse: they are given to it
        the other way round.
        """
        from tensorboard.plugins.custom_scalar import layout_pb2, metadata

        message = layout_pb2.Layout()
        for category, charts in layout.items():
            group = message.category.add(title=category)
            bands = [(title, m) for title, m in charts.items() if isinstance(m, Margin)]
            for title, tags in charts.items():
                if not isinstance(tags, Margin):
                    ends = ("" if isinstance(tag, Prefix) else "$" for tag in tags)
                    patterns = (f"^{re.escape(t)}{end}" for t, end in zip(tags, ends, strict=True))
                    group.chart.add(title=title).multiline.tag.extend(patterns)
            for title, margin in reversed(bands):
                group.chart.add(title=title).margin.series.add(**margin._asdict())
        tag, value = metadata.CONFIG_SUMMARY_TAG, message.SerializeToString()
        self._tensor(tag, value, 0, metadata.create_summary_metadata())

    def hparams(
        self, settings: Mapping[str, Any], metrics: Sequence[str], first: Sequence[str] = ()
    ) -> None:
        """The HParams tab: settings, those shown first, and which scalar tags are the metrics."""
        from drl.log.tensorboard.hparams import session

        for tag, content in session(settings, metrics, first):
            summary = self._summary()
            value = summary.value.add(tag=tag)
            value.metadata.plugin_data.plugin_name = "hparams"
            value.metadata.plugin_data.content = content
            self._add(summary, 0)

    # -- the file -----------------------------------------------------------------------------
    def flush(self) -> None:
        """What was written reaches the operating system: no kill of this process loses it."""
        self._flushed = time.monotonic()
        if self._records is not None:
            try:
                self._records.flush()
            except OSError as error:
                self._fail(error)

    def close(self) -> None:
        if self._records is not None:
            try:
                self._records.close()
            except OSError as error:
                self._fail(error)
            self._records = None

    def _picture(self, tag: str, encoded: bytes, shape: tuple[int, ...], step: int) -> None:
        summary = self._summary()
        image = summary.value.add(tag=tag).image
        image.height, image.width = shape[:2]
        image.colorspace = 1 if len(shape) == 2 else shape[2]
        image.encoded_image_string = encoded
        self._add(summary, step)

    def _tensor(self, tag: str, value: bytes | np.ndarray, step: int, metadata: Any) -> None:
        """A string, or float32 of any shape.  (TensorBoard's make_tensor_proto takes 70 ms to load,
        a tenth of a short run.)"""
        from tensorboard.compat.proto import types_pb2

        summary = self._summary()
        tensor = summary.value.add(tag=tag, metadata=metadata).tensor
        if isinstance(value, bytes):
            tensor.dtype, shape = types_pb2.DT_STRING, (1,)
            tensor.string_val.append(value)
        else:
            tensor.dtype, shape = types_pb2.DT_FLOAT, value.shape
            tensor.tensor_content = value.astype("<f4").tobytes()
        for size in shape:
            tensor.tensor_shape.dim.add(size=size)
        self._add(summary, step)

    def _add(self, summary: Any, step: int) -> None:
        self._write(self._event(wall_time=time.time(), step=step, summary=summary))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def _write(self, event: Any) -> None:
        if self._records is not None:
            try:
                self._records.write(event.SerializeToString())
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        if not self._silent:
            print(
                f"drl: cannot write TensorBoard events ({error.strerror}); training goes on "
                "without those curves",
                file=sys.stderr,
                flush=True,
            )
        self._silent = True


def open_logger(told: Opening) -> TensorBoard:
    """Of a run."""
    return TensorBoard(told.directory, told.first_step)


def last_step(directory: Path) -> float:
    """The largest step of all that is written there; infinite where a part cannot be read."""
    files = list(directory.glob("events.*"))
    if not files:
        return 0
    if not installed("tensorboard"):
        return math.inf
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    step = 0
    for path in files:
        require_file(path)
        try:
            for record in RawEventFileLoader(str(path)).Load():
                step = max(step, Event.FromString(record).step)
        except Exception:  # of the loader's and the protocol's own kinds
            return math.inf
    return step


def _free_name(directory: Path) -> Path:
    """events.out.tfevents.<time>.<host>.<pid>, and after all that are there.

    TensorBoard reads the files in the order of their names; a run resumed within the second of its
    death must still come second.
    """
    there = "\n".join(p.name for p in directory.iterdir())
    times = re.findall(r"^events\.out\.tfevents\.(\d{1,10})\.", there, re.MULTILINE)
    when = max([int(time.time()), *(int(t) + 1 for t in times)])
    return directory / f"events.out.tfevents.{when:010d}.{socket.gethostname()}.{os.getpid()}"
