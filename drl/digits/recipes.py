from __future__ import annotations
from dataclasses import dataclass
from drl.digits.augment import Warp
from drl.nn.conv import Conv, Pool

@dataclass(frozen=True)
class Recipe:
    hidden: tuple[int, ...]
    epochs: int
    batch: int
    lr: float
    decay: float = 0.0
    conv: tuple[Conv | Pool, ...] = ()
    warp: Warp | None = None
