"""What the doctor has found, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Mark = Literal["ok", "look", "skipped", "fail"]


class Finding(NamedTuple):
    """One thing that was looked at.

    mark   ok; look: it works, and something may be better; skipped: it cannot be tried; fail
    name   what was looked at
    text   what was found, and what to do about it
    """

    mark: Mark
    name: str
    text: str


@dataclass(frozen=True)
class Report:
    """What `drl.doctor` has found; `print(report)` shows it.

    subject   what was examined: an agent, or an environment
    findings  in the order in which they were made
    diagnosis  what is broken where, in plain words; empty where nothing is
    """

    subject: str
    findings: Sequence[Finding]
    diagnosis: str = ""

    @property
    def failed(self) -> bool:
        """Whether something is broken."""
        return any(finding.mark == "fail" for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "subject": self.subject,
            "findings": [finding._asdict() for finding in self.findings],
            "diagnosis": self.diagnosis,
            "failed": self.failed,
        }

    def __str__(self) -> str:
        wide = max((len(finding.name) for finding in self.findings), default=0)
        lines = [f"  {mark:<7}  {name:<{wide}}  {text}" for mark, name, text in self.findings]
        return "\n".join([self.subject, *lines, *([self.diagnosis] if self.diagnosis else [])])
