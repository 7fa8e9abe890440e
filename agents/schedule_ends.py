"""Values that fall from one setting to another, where only one of the two is given.

An end that is given stands.  The other one, a preset's or a default, stays where it is, unless the
value would rise by it: then it moves to the one that is given, and the value stays there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

ENDS = {"lr": "lr_end", "clip_range": "clip_range_end", "epsilon_start": "epsilon_end"}
"""Where a value starts: where it ends, None: it stays.  Of any agent whose config has both."""
NAMES = frozenset({*ENDS, *ENDS.values()})


def moved(config: Any, given: Collection[str]) -> Any:
    """The config, with what was not given moved to what was.

    given  names of the settings that stand
    """
    others: dict[str, float] = {}
    for start, end in _of(config):
        first, last = getattr(config, start), getattr(config, end)
        if last > first and (start in given) != (end in given):
            others |= {end: first} if start in given else {start: last}
    return replace(config, **others) if others else config


def said(config: Any) -> list[str]:
    """Of values that have two ends and do not fall."""
    return [
        f"`{start}` stays at {getattr(config, start):g}: `{end}` is the same"
        for start, end in _of(config)
        if getattr(config, start) == getattr(config, end)
    ]


def rising(config: Any) -> list[str]:
    """Warnings of values that rise: both ends were given, or a config that is complete."""
    return [
        f"`{start}={getattr(config, start):g}` rises to `{end}={getattr(config, end):g}`: give an "
        "end that is not above it, or leave one of the two out"
        for start, end in _of(config)
        if getattr(config, end) > getattr(config, start)
    ]


def _of(config: Any) -> Iterator[tuple[str, str]]:
    """Those of ENDS that the config has, and whose end is not None."""
    for start, end in ENDS.items():
        if hasattr(config, start) and getattr(config, end, None) is not None:
            yield start, end
