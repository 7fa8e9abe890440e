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
    """Stands for all tags that begin so.  (The layers of a network have names of their own.)"""


# category → chart → tags, or a Margin.  A category of this title should be the same in every run of
# a directory: TensorBoard merges them, and may lose the charts that are not
Layout = Mapping[str, Mapping[str, Sequence[str] | Margin]]
