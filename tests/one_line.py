"""What every mistake of a user's gets: exit code 2, and one line."""

import pytest

from drl.cli.main import main


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The line that the command is refused with."""
    capsys.readouterr()
    assert main(list(args)) == 2
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 1, text
    return text
