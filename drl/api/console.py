"""Where a Python user looks: the command's progress, or Python's own warnings."""

from __future__ import annotations

import warnings

from drl.display.console import Console


class TrainingWarning(UserWarning):
    """Training goes on, but somebody should look: one line."""


class Silent(Console):
    """Nothing is shown; what must not be missed is a TrainingWarning."""

    def __init__(self) -> None:
        super().__init__(quiet=True)

    def warn(self, text: str) -> None:
        """By Python's warnings."""
        warnings.warn(text, TrainingWarning, stacklevel=6)


def console_of(progress: bool) -> Console:
    """progress: shown as the command shows it."""
    return Console() if progress else Silent()
