"""Gymnasium's spaces as JSON and back, and in a few words.

    from_json(to_json(space)) == space

of Box, Discrete, MultiDiscrete, MultiBinary, Text, Dict and Tuple, whatever they are nested in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from drl.errors import UserError

DEEPEST = 20  # spaces within spaces; no environment has so many
FEW = 4  # numbers of a Box whose bounds are told one by one
LARGEST = 2**24  # numbers in a space that a file may ask for


def to_json(space: Any) -> dict[str, Any]:
    """A space as JSON: its kind and what it is made from.

    Bounds of a Box are one number where all are equal, else a list in C order; infinite ones are
    the strings "inf" and "-inf".   UserError for a kind that is not among those above.
    """
    from gymnasium import spaces

    kind = type(space)
    if kind is spaces.Box:
        return {
            "kind": "Box", "low": _bounds(space.low), "high": _bounds(space.high),
            "shape": list(space.shape), "dtype": space.dtype.name,
        }  # fmt: skip
    if kind is spaces.Discrete:
        return {
            "kind": "Discrete", "n": int(space.n), "start": int(space.start),
            "dtype": np.dtype(space.dtype).name,
        }  # fmt: skip
    if kind is spaces.MultiDiscrete:
        return {
            "kind": "MultiDiscrete", "nvec": space.nvec.tolist(), "start": space.start.tolist(),
            "dtype": space.dtype.name,
        }  # fmt: skip
    if kind is spaces.MultiBinary:
        number = {} if isinstance(space.n, tuple) else {"n": int(space.n)}  # (4) is not ((4,))
        return {"kind": "MultiBinary", "shape": list(space.shape)} | number
    if kind is spaces.Text:
        return {
            "kind": "Text", "min_length": int(space.min_length),
            "max_length": int(space.max_length), "characters": "".join(space.character_list),
        }  # fmt: skip
    if kind is spaces.Dict:
        return {"kind": "Dict", "spaces": [[k, to_json(s)] for k, s in _named(space)]}
    if kind is spaces.Tuple:
        return {"kind": "Tuple", "spaces": [to_json(s) for s in space.spaces]}
    raise UserError(f"{words(space)} cannot be kept in a file: expected one of Gymnasium's spaces")


def from_json(plain: Any) -> Any:
    """The space that `to_json` was given.   UserError on anything that it has not made."""
    try:
        return _space(plain, DEEPEST)
    except UserError:
        raise
    except (ValueError, TypeError, KeyError, AssertionError, OverflowError, IndexError) as error:
        text = " ".join(str(error).split())
        raise UserError(f"{plain!r:.80} is no space ({type(error).__name__}: {text})") from error


def _space(plain: Any, deep: int) -> Any:
    from gymnasium import spaces

    if not isinstance(plain, Mapping) or deep == 0:
        raise ValueError("expected an object with its kind")
    kind = plain["kind"]
    if kind == "Box":
        dtype, shape = _dtype(plain["dtype"]), _shape(plain["shape"])
        low, high = (_array(plain[name], shape, dtype) for name in ("low", "high"))
        return spaces.Box(low, high, shape, dtype.type)
    if kind == "Discrete":
        return spaces.Discrete(
            _whole(plain["n"], 1), start=_whole(plain["start"]), **_of_dtype(plain, "Discrete")
        )
    if kind == "MultiDiscrete":
        dtype = _dtype(plain["dtype"])
        nvec, start = (np.array(plain[name], dtype) for name in ("nvec", "start"))
        return spaces.MultiDiscrete(nvec, dtype.type, start=start)
    if kind == "MultiBinary":
        shape = _shape(plain["shape"])
        return spaces.MultiBinary(_shape([plain["n"]])[0] if "n" in plain else shape)
    if kind == "Text":
        longest = _whole(plain["max_length"], 1)
        return spaces.Text(
            longest, min_length=_whole(plain["min_length"], 0), charset=_text(plain["characters"])
        )
    if kind == "Dict":
        return spaces.Dict([(_key(k), _space(s, deep - 1)) for k, s in plain["spaces"]])
    if kind == "Tuple":
        return spaces.Tuple([_space(s, deep - 1) for s in plain["spaces"]])
    raise ValueError(f"unknown kind {kind!r:.40}")


def same(a: Any, b: Any) -> bool:
    """Whether two spaces are equal, and so a policy for the one is one for the other."""
    return type(a) is type(b) and to_json(a) == to_json(b)


def words(space: Any) -> str:
    """A space in a few words, for messages."""
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        first = f" from {space.start}" if space.start else ""
        return f"Discrete({space.n}{first})"
    if isinstance(space, spaces.MultiDiscrete):
        return f"MultiDiscrete({space.nvec.tolist()})"
    if isinstance(space, spaces.Box):
        low, high = (_shown(_bounds(b)) for b in (space.low, space.high))
        return f"Box({low} … {high}, {space.shape}, {space.dtype.name})"
    if isinstance(space, spaces.MultiBinary):
        return f"MultiBinary{space.shape}"
    if isinstance(space, spaces.Text):
        return f"Text({space.min_length} to {space.max_length} characters)"
    if isinstance(space, spaces.Dict):
        return (
            "Dict("
            + ", ".join(f"{_line(key)}: {words(s)}" for key, s in space.spaces.items())
            + ")"
        )
    if isinstance(space, spaces.Tuple):
        return "Tuple(" + ", ".join(map(words, space.spaces)) + ")"
    kind = type(space)
    return f"{kind.__module__.partition('.')[0]}'s {kind.__name__}"


def _named(space: Any) -> list[tuple[str, Any]]:
    return [(_key(key), inner) for key, inner in space.spaces.items()]


def _key(key: Any) -> str:
    if type(key) is not str:
        raise UserError(f"a Dict space with the key {key!r:.40}: expected names")
    return key


def _line(key: Any) -> str:
    return " ".join(str(key).split())


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError(f"expected a text, found {value!r:.40}")
    return value


def _bounds(values: np.ndarray) -> Any:
    """One number, or a list of them in C order."""
    flat = values.ravel().tolist()
    plain = [_plain(v) for v in flat]
    return plain[0] if flat and all(v == flat[0] for v in flat) else plain


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _array(bounds: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """The bounds as numbers of this type.   ValueError where one is not a number of it."""
    if not isinstance(bounds, list):
        return np.full(shape, _number(bounds, dtype), dtype)
    return np.array([_number(b, dtype) for b in bounds], dtype).reshape(shape)


def _number(value: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        if value in ("inf", "-inf"):
            return float(value)
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError(f"expected a bound, found {value!r:.40}")
    elif type(value) is not (bool if dtype.kind == "b" else int):
        raise ValueError(f"expected a bound of {dtype}, found {value!r:.40}")
    return value


def _dtype(name: Any) -> np.dtype[Any]:
    dtype = np.dtype(_text(name))
    if dtype.kind not in "biuf":
        raise ValueError(f"a space of {dtype}")
    return dtype


def _of_dtype(plain: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Discrete's dtype, which Gymnasium before 1.2 has always as int64."""
    name = plain.get("dtype", "int64")
    return {} if name == "int64" else {"dtype": _dtype(name).type}


def _shape(plain: Any) -> tuple[int, ...]:
    if not isinstance(plain, list):
        raise ValueError(f"expected a shape, found {plain!r:.40}")
    shape = tuple(_whole(n, 0) for n in plain)
    if math.prod(shape) > LARGEST:
        raise ValueError(f"a space of {math.prod(shape):,} numbers")
    return shape


def _whole(value: Any, low: int = -(2**63)) -> int:
    if type(value) is not int or not low <= value < 2**63:
        raise ValueError(f"expected a whole number, found {value!r:.40}")
    return value


def _shown(bounds: Any) -> str:
    if isinstance(bounds, list):
        return f"[{', '.join(map(_shown, bounds))}]" if len(bounds) <= FEW else "…"
    return bounds if isinstance(bounds, str) else f"{bounds:g}"
