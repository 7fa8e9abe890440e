"""Data sets of handwritten digits, as arrays a network takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from drl.errors import UserError
from drl.nearest import did_you_mean
from drl.raised import said
from drl.supervised import idx, mnist

UCI = Path(__file__).parent / "uci"
NAMES = ("digits", "mnist")
TEST_PART = 0.2
CLASSES = 10
WHITE, WHITE_OF_DIGITS = 255, 16  # the largest byte of MNIST's files, and of the 8×8 digits


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images (N, H, W, 1) float32 in [0, 1], 0 is paper; labels (N,) int64 in 0..classes−1.

    white  what the bytes of the files were divided by
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int = CLASSES
    white: int = 1

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, 1)."""
        _, height, width, channels = self.x_train.shape
        return height, width, channels


def load(name: str, data_dir: str | os.PathLike[str] | None = None, seed: int = 0) -> Dataset:
    """The data set called `name`.

    "digits"     1,797 images 8×8 (UCI, in this package): of each digit 80 % to train on, 20 % to
                 test, drawn by `seed`: one split of so few tells little (logistic regression: ±1
                 point), so every seed has its own and a mean over seeds is one over splits
    "mnist"      70,000 images 28×28: from `data_dir`, $DRL_DATA or the user's cache; downloaded
                 there if missing
    a directory  own data in four IDX files named like MNIST's
    a .npz file  own arrays x and y, as `of_arrays` takes them

    UserError on an unknown name (naming the nearest) and on files that are missing or not right.
    """
    if name == "digits":
        return _digits(seed)
    if name == "mnist":
        directory = mnist.locate(data_dir)
        return _dataset("mnist", directory, mnist.read(directory))
    if Path(name).is_dir():
        directory = Path(name)
        return _dataset(directory.resolve().name, directory, mnist.read_like(directory))
    if name.endswith(".npz"):
        return of_arrays(*_arrays(Path(name)), seed, name=Path(name).stem)
    raise UserError(
        f"unknown data set {name!r}{did_you_mean(name, NAMES)}; expected {', '.join(NAMES)}, a "
        "directory of IDX files, or a .npz file with arrays x and y"
    )


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """x and y of a .npz file.   UserError where they are not there."""
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            return file["x"], file["y"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UserError(
            f"{path} holds no data ({said(error)}): expected numpy.savez({path.name!r}, x=…, y=…)"
        ) from error


def of_arrays(
    x: Any, y: Any, seed: int = 0, test: float = TEST_PART, name: str = "own data"
) -> Dataset:  # fmt: skip
    """Images and labels of the user's own: a part of each class, drawn by `seed`, to test.

    x     (N, H, W), (N, H, W, 1) or (N, D): bytes, divided by the largest there is, or numbers
    y     (N,) whole numbers from 0
    test  the part

    UserError where they are no such arrays.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim not in (2, 3, 4) or len(x) != len(y) or y.ndim != 1 or not len(x):
        raise UserError(
            f"x {x.shape} and y {y.shape} are not images and labels: expected (N, H, W), "
            "(N, H, W, 1) or (N, D), and (N,)"
        )
    if y.dtype.kind not in "iu" or y.min() < 0:
        raise UserError("y should be whole numbers from 0: the number of each image's class")
    if x.dtype.kind not in "iufb" or not np.isfinite(x).all():
        raise UserError("x should be finite numbers")
    white = max(1, int(x.max())) if x.dtype.kind in "iu" else 1
    x = (x / np.float32(white)).astype(np.float32)
    x = x.reshape(len(x), 1, -1, 1) if x.ndim == 2 else x.reshape(*x.shape[:3], -1)
    rest, chosen = stratified_split(y, test, np.random.default_rng(seed))
    y = y.astype(np.int64)
    return Dataset(name, x[rest], y[rest], x[chosen], y[chosen], int(y.max()) + 1, white)


def given(data: Any, seed: int) -> Dataset | None:
    """What the user gives: a Dataset, arrays (x, y), or what `load` takes; None: nothing."""
    if data is None or isinstance(data, Dataset):
        return data
    if isinstance(data, str | Path):
        return load(str(data), seed=seed)
    x, y = data
    return of_arrays(x, y, seed)


def stratified_split(
    labels: np.ndarray, part: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Shuffled indices (rest, chosen) of `labels` (N,): `chosen` has `part` of each class."""
    rest, chosen = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = round(part * len(members))
        chosen.append(members[:count])
        rest.append(members[count:])
    return rng.permutation(np.concatenate(rest)), rng.permutation(np.concatenate(chosen))


def _digits(seed: int) -> Dataset:
    images = idx.read(UCI / "images-idx3-ubyte.gz")
    labels = idx.read(UCI / "labels-idx1-ubyte.gz").astype(np.int64)
    x = _pixels(images, WHITE_OF_DIGITS)
    train, test = stratified_split(labels, TEST_PART, np.random.default_rng(seed))
    return Dataset("digits", x[train], labels[train], x[test], labels[test], white=WHITE_OF_DIGITS)


def _dataset(name: str, directory: Path, arrays: dict[str, np.ndarray]) -> Dataset:
    """Four IDX arrays as a data set.  UserError if they do not belong together."""
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.ndim != 3 or images.dtype != np.uint8:
            raise UserError(
                f"{directory}: {part} images must be N×H×W unsigned bytes, "
                f"got {images.ndim} dimensions of {images.dtype}"
            )
        if labels.ndim != 1 or labels.dtype != np.uint8:
            raise UserError(
                f"{directory}: {part} labels must be N unsigned bytes, "
                f"got {labels.ndim} dimensions of {labels.dtype}"
            )
        if len(images) != len(labels):
            raise UserError(
                f"{directory}: {len(images)} {part} images but {len(labels)} {part} labels; "
                "expected as many"
            )
        if labels.max() >= CLASSES:
            raise UserError(
                f"{directory}: {part} labels go up to {labels.max()}; expected digits 0 to 9"
            )
    train, test = arrays["x_train"].shape[1:], arrays["x_test"].shape[1:]
    if train != test:
        raise UserError(
            f"{directory}: training images are {train[0]}×{train[1]}, test images "
            f"{test[0]}×{test[1]}; expected one size"
        )
    return Dataset(
        name,
        _pixels(arrays["x_train"], WHITE),
        arrays["y_train"].astype(np.int64),
        _pixels(arrays["x_test"], WHITE),
        arrays["y_test"].astype(np.int64),
        white=WHITE,
    )


def _pixels(images: np.ndarray, white: int) -> np.ndarray:
    """Unsigned bytes (N, H, W), 0..white → float32 (N, H, W, 1) in [0, 1]."""
    x = images.astype(np.float32)
    x /= white
    return x[..., None]
