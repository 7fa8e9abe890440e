"""A page of the tour: text, tables, lines of the real code, and figures, all made as it runs."""

from __future__ import annotations

import importlib.util
import inspect
import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drl.experiment.output import make_directory, write_out

PLOTS = importlib.util.find_spec("matplotlib") is not None


class Page:
    """What a chapter has said so far.

    out      directory for the figures; none: they are not drawn
    numbers  name → what was computed, for whoever wants to check it
    """

    def __init__(self, number: int, title: str, out: Path | None = None) -> None:
        self.stem, self.out = f"{number:02}", out
        self.parts = [f"# {number}. {title}"]
        self.figures: list[Path] = []
        self.numbers: dict[str, Any] = {}

    @property
    def markdown(self) -> str:
        return "\n\n".join(self.parts) + "\n"

    def text(self, markdown: str) -> None:
        """A passage, indented as the code around it is."""
        self.parts.append(textwrap.dedent(markdown).strip())

    def equations(self, lines: str) -> None:
        """Formulas in plain letters, one a line: the same in a terminal and on a site."""
        self.parts.append(f"```text\n{textwrap.dedent(lines).strip()}\n```")

    def source(self, *objects: Any) -> None:
        """The code that computes it, as it stands in the file: it cannot go stale."""
        for found in objects:
            lines = textwrap.dedent(inspect.getsource(found)).strip()
            self.parts.append(f"```python\n{lines}\n```")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        lines = [head, ["---"] * len(head), *rows]
        self.parts.append("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))

    @contextmanager
    def figure(self, name: str, caption: str, width: float = 7, height: float = 3) -> Iterator[Any]:
        """A matplotlib Figure to draw on (inches); it is saved and shown under its caption.

        Without `out` or matplotlib a figure that nobody sees: chapters need not ask.
        """
        drawn = PLOTS and self.out is not None
        figure: Any = _Nobody()
        if drawn:
            from matplotlib.figure import Figure

            figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        if drawn:
            assert self.out is not None
            make_directory(self.out)
            file, content = self.out / f"{self.stem}-{name}.png", io.BytesIO()
            figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
            write_out(file, content.getvalue())
            self.figures.append(file)
            self.parts.append(f"![{caption}]({file.name})\n\n*{caption}*")


class _Nobody:
    """Answers every call of a chapter that draws, and draws nothing."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def __iter__(self) -> Iterator[Any]:
        while True:  # `for ax, image in zip(figure.subplots(…), images)` ends with the images
            yield self

    def __getitem__(self, index: Any) -> Any:
        return self
