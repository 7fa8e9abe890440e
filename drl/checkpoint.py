"""A state on disk: written whole or not at all, read exactly or refused.  No pickle.

One safetensors file: the arrays are its tensors, named by their path in the nested dict ("a/b/c");
all the rest is JSON in its metadata, beside the format's version.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from drl.errors import UserError

VERSION = 1
SEPARATOR = "/"


def save(path: Path, state: dict[str, Any]) -> None:
    """Atomic: written beside, fsynced, renamed.  OSError if the disk will not have it."""
    from safetensors.numpy import save as encode

    arrays: dict[str, np.ndarray] = {}
    plain = _split(state, "", arrays)
    metadata = {"drl": json.dumps({"version": VERSION, "state": plain})}
    write_atomic(path, encode(arrays, metadata))


def load(path: Path) -> dict[str, Any]:
    """The same nested dict, arrays with the same dtypes and shapes.

    UserError if there is no such file, it is damaged, foreign, or of a newer version.
    """
    from safetensors import SafetensorError, safe_open

    damage = (
        SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError
    )  # fmt: skip

    try:
        with safe_open(path, framework="np") as file:  # checks sizes against the file's own
            metadata = file.metadata() or {}
            content = json.loads(metadata["drl"])
            version = content["version"]
            if not isinstance(version, int) or version > VERSION:
                raise UserError(
                    f"{path} was written by a newer drl-toolkit (format {version}, this one reads "
                    f"{VERSION}): install a newer version"
                )
            arrays = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118
            state = _join(content["state"], arrays)
        if not isinstance(state, dict):
            raise ValueError("the state is no dictionary")
        return state
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"no checkpoint {path}: was the run stopped before its first?") from None
    except damage as error:
        raise UserError(
            f"{path} is damaged or no checkpoint ({type(error).__name__}): take another one, or "
            "delete it so that the one before is used"
        ) from error


def write_atomic(path: Path, content: bytes) -> None:
    """Either the old file or the whole new one is there, whenever the machine stops."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _split(state: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """Arrays go to `arrays`, with {"array": path} in their place; numpy numbers become Python's."""
    if isinstance(state, dict):
        return {
            "dict": {k: _split(v, f"{path}{SEPARATOR}{k}" if path else k, arrays)
                     for k, v in state.items()}
        }  # fmt: skip
    if isinstance(state, np.ndarray):
        arrays[path] = np.ascontiguousarray(state)
        return {"array": path, "shape": list(state.shape)}
    if isinstance(state, np.generic):
        return {"value": state.item()}
    json.dumps(state)  # TypeError here names what cannot be kept, not later
    return {"value": state}


def _join(plain: Any, arrays: dict[str, np.ndarray]) -> Any:
    if "dict" in plain:
        return {k: _join(v, arrays) for k, v in plain["dict"].items()}
    if "array" in plain:
        return arrays[plain["array"]].reshape(plain["shape"])
    return plain["value"]
