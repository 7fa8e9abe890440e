"""Which curves belong into one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Margin(NamedTuple):
    """A chart of one curve within a band: the tags of its value and of the band's two edges."""

    value: str
    lower: str
    upper: str


class Prefix(str):
    """Stands for all tags that begin so.  Every run should give the same layout: TensorBoard merges
    them, and loses what the first does not have."""


# category → chart → tags, or a Margin
Layout = Mapping[str, Mapping[str, Sequence[str] | Margin]]
