"""The commands that messages propose, so that a shell reads them as they are meant."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from drl.display.streams import printable


def command(*words: str | Path) -> str:
    """`drl` with its words, quoted where a shell needs it: what is printed can be pasted."""
    return " ".join(["drl", *map(quoted, map(_word, words))])


def _word(word: str | Path) -> str:
    """A path that begins with a dash is no option."""
    text = str(word)
    return f"./{text}" if isinstance(word, Path) and text.startswith("-") else text


def quoted(word: str) -> str:
    """One word.  What cannot be shown (control characters, bytes that are no text, characters that
    the terminal's encoding lacks) is written by its codes, as bash and zsh read them."""
    if printable(word) == word and "\n" not in word and _shown(word):
        return shlex.quote(word)
    return "$'" + "".join(map(_coded, os.fsencode(word))) + "'"


def _shown(word: str) -> bool:
    try:
        word.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _coded(byte: int) -> str:
    character = chr(byte)
    if character in "\\'":
        return f"\\{character}"
    return character if " " <= character <= "~" else f"\\x{byte:02x}"
