"""A state on disk: written whole or not at all, read exactly or refused.  No pickle.

One safetensors file: the arrays are its tensors, named by their path in the nested dict ("a/b/c");
all the rest is JSON in its metadata, beside the format's version and a CRC-32 of everything: a bit
that has flipped is damage, not a weight.

Arrays go from where they are to the disk: the library's own `save` first makes one string of all,
which doubles a run's memory at every checkpoint and leaves holes in it (benchmarks/RESULTS.md).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from drl.errors import UserError
from drl.files import require_file, write_atomic

VERSION = 3
SEPARATOR = "/"
DTYPES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "float16": "F16",
    "uint32": "U32", "int32": "I32", "float32": "F32", "uint64": "U64", "int64": "I64",
    "float64": "F64",
}  # fmt: skip


class Damaged(UserError):
    """A file that holds no state: cut, changed, or foreign."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Atomic: written beside, fsynced, renamed.

    state: a nested dict of arrays, numbers, strings, None and lists of these plain values.
    TypeError for anything else (nothing is written); OSError if the disk will not have it.
    """
    arrays: dict[str, np.ndarray] = {}
    plain = _split(state, "", arrays)
    content = {"version": VERSION, "crc32": _checksum(plain, arrays), "state": plain}
    write_atomic(path, *_encoded(arrays, {"drl": json.dumps(content)}))


def load(path: Path) -> dict[str, Any]:
    """The same nested dict, arrays with the same dtypes and shapes.

    UserError if there is no such file, it cannot be read, or is of another version; Damaged where
    no later reading can help.
    """
    from safetensors import SafetensorError, safe_open

    damage = (
        SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError
    )  # fmt: skip

    try:
        require_file(path)  # a pipe would never end
        with safe_open(path, framework="np") as file:  # checks sizes against the file's own
            metadata = file.metadata() or {}
            content = json.loads(metadata["drl"])
            version = content["version"]
            if type(version) is not int:
                raise ValueError("the version is no number")
            if version != VERSION:
                age = "newer" if version > VERSION else "older"
                raise UserError(
                    f"{path} was written by {'a' if age == 'newer' else 'an'} {age} drl-toolkit "
                    f"(format {version}, this one reads {VERSION}): install that {age} version"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if _checksum(content["state"], arrays) != content["crc32"]:
                raise ValueError("the checksum is another")
            state = _join(content["state"], arrays)
        if not isinstance(state, dict):
            raise ValueError("the state is no dictionary")
        return state
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"no checkpoint {path}: there is no such file") from None
    except damage as error:
        # only what is ours, by its name, may be deleted
        older = ", or delete it so that the one before is used" * path.name.startswith("step-")
        raise Damaged(
            f"{path} is damaged or no checkpoint ({type(error).__name__}): take another one{older}"
        ) from error


def _encoded(arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> Iterator[Any]:
    """A safetensors file: the header's length, the header, the arrays; wide ones first, so that
    every number lies where a processor likes to read it."""
    header: dict[str, Any] = {"__metadata__": metadata}
    names, stop = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)), 0
    for name in names:
        array, start = arrays[name], stop
        stop += array.nbytes
        header[name] = {
            "dtype": DTYPES[array.dtype.name], "shape": array.shape, "data_offsets": [start, stop]
        }  # fmt: skip
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    yield len(encoded).to_bytes(8, "little")
    yield encoded
    for name in names:
        yield arrays[name].data


def _checksum(plain: Any, arrays: dict[str, np.ndarray]) -> int:
    """CRC-32 of the plain part and of the arrays' bytes, in the order of their names."""
    crc = zlib.crc32(json.dumps(plain).encode())
    for name in sorted(arrays):
        crc = zlib.crc32(arrays[name].data, crc)
    return crc


def _split(state: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """Arrays go to `arrays`, with {"array": path} in their place; numpy numbers become Python's.

    TypeError for what would not come back the same: it is named here, not when it is missed.
    """
    if isinstance(state, dict):
        for k in state:
            if not isinstance(k, str) or k in ("", "__metadata__") or SEPARATOR in k:
                raise TypeError(f"a state's keys are names without '/', found {k!r} in {path!r}")
        return {
            "dict": {k: _split(v, f"{path}{SEPARATOR}{k}" if path else k, arrays)
                     for k, v in state.items()}
        }  # fmt: skip
    if isinstance(state, np.ndarray):
        if state.dtype.kind not in "biuf" or state.dtype.itemsize > 8:
            raise TypeError(f"a state cannot hold {path!r}, an array of {state.dtype}")
        native = state.dtype.newbyteorder("=")
        arrays[path] = np.ascontiguousarray(state, native)
        return {"array": path, "dtype": native.name, "shape": list(state.shape)}
    if isinstance(state, np.generic):
        return {"value": state.item()}
    if not _is_plain(state):
        raise TypeError(f"a state cannot hold {path!r}, of type {type(state).__name__}: {state!r}")
    return {"value": state}


def _is_plain(value: Any) -> bool:
    """What JSON gives back as it was: a tuple would come back as a list."""
    if type(value) is list:
        return all(map(_is_plain, value))
    if type(value) is dict:  # within a list
        return all(type(key) is str and _is_plain(each) for key, each in value.items())
    return value is None or type(value) in (bool, int, float, str)


def _join(plain: Any, arrays: dict[str, np.ndarray]) -> Any:
    if "dict" in plain:
        return {k: _join(v, arrays) for k, v in plain["dict"].items()}
    if "array" in plain:
        array = arrays[plain["array"]]
        if array.dtype.name != plain["dtype"]:  # the bytes alone do not say what they mean
            raise ValueError("an array is of another dtype")
        return array.reshape(plain["shape"])
    return plain["value"]
