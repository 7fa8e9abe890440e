"""A network as a file that needs nothing of ours."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from drl.errors import UserError
from drl.experiment.output import check_out, write_out
from drl.nn import Network

FORMATS = {".npz": "npz", ".pt": "torch", ".pth": "torch", ".onnx": "onnx"}


class Exported(NamedTuple):
    """What was written."""

    net: Network  # a plain chain of layers
    size: int  # bytes
    about: Mapping[str, Any]  # what the file says besides
    code: str  # that reads it
    told: Sequence[str] = ()  # what has to be known of its inputs and outputs, in lines


def format_of(out: Path, format: str | None = None) -> str:
    """npz, torch or onnx, by the name of the file where it is not given.   UserError."""
    if format is None and out.suffix not in FORMATS:
        raise UserError(f"{out}: give a name with {', '.join(FORMATS)}, or `format`")
    return format or FORMATS[out.suffix]


def check(out: Path, force: bool) -> None:
    """Before the work.   UserError where something would be lost."""
    check_out(out)
    if out.exists() and not force:
        raise UserError(f"{out} exists: give another `out`, or `force` to overwrite it")


def write(
    net: Network, out: Path, format: str, about: Mapping[str, Any], told: Sequence[str] = ()
) -> Exported:
    """about  what the file says of its origin, and of what goes in and comes out
    told   what people are told besides
    """
    form = importlib.import_module(f"drl.export.{format}")
    content: bytes = form.encode(net, dict(about))
    write_out(out, content)
    return Exported(net, len(content), about, form.reader(net, out, about), told)
