"""Spaces of other packages: which of them are taken, and what to call and do about the rest."""

from __future__ import annotations

from typing import Any

LONGEST = 1_000  # characters of a text that another package's space has; what it says is left out


def is_text(space: Any) -> bool:
    """Gymnasium's Text, or another package's space of texts, as MiniGrid's missions."""
    from gymnasium.spaces import Text

    dtype = getattr(space, "dtype", None)
    return isinstance(space, Text) or getattr(dtype, "kind", "") == "U"


def ours(space: Any) -> Any:
    """The same, with Gymnasium's Text for other spaces of texts: files know no others."""
    from gymnasium.spaces import Dict, Text, Tuple

    if isinstance(space, Dict) and any(ours(s) is not s for s in space.spaces.values()):
        return Dict([(key, ours(s)) for key, s in space.spaces.items()])
    if isinstance(space, Tuple) and any(ours(s) is not s for s in space.spaces):
        return Tuple([ours(s) for s in space.spaces])
    return Text(LONGEST) if is_text(space) and type(space) is not Text else space


def foreign(space: Any) -> str | None:
    """What to call another package's space of one of Gymnasium's kinds; None for any other."""
    from gymnasium import spaces

    kind = type(space)
    root = kind.__module__.partition(".")[0]
    its = getattr(spaces, kind.__name__, None)
    if its is None or isinstance(space, its):
        return None
    return f"{kind.__name__} ({root}'s, not Gymnasium's)"


def how_to_mend(space: Any) -> str:
    """What to do about an environment with a space that is not taken, for the end of a message."""
    if type(space).__module__.partition(".")[0] == "gym":
        return (
            "it is one of the old gym package: give a function that returns "
            "shimmy.GymV21CompatibilityV0(env=…), or GymV26CompatibilityV0"
        )
    return "wrap the env"


def kind_of(space: Any) -> str:
    """A space by its class alone."""
    return foreign(space) or type(space).__name__
