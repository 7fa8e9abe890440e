"""Numbers as people read them."""

from __future__ import annotations


def score(value: float, spread: float = 0.0) -> str:
    """A return, with the decimals that tell something: one from 10 on, two from 1, three below.

    spread  of the returns that it is the mean of, where it is larger: −0.045 ± 0.952
    """
    size = max(abs(value), abs(spread))
    return f"{value:.{1 if size >= 10 else 2 if size >= 1 else 3}f}"
