"""A command's config from its words, by tyro, whose messages are read here and nowhere else."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_origin

from drl.errors import UserError
from drl.nearest import did_you_mean, listed

WHOLE = "a whole number"
NOTHING = "no number is given"


def parse(
    config: type, name: str, args: Sequence[str], default: Any = None,
    help: Callable[[], str] | None = None,
) -> Any:  # fmt: skip
    """The config from the command line.  UserError, in one line, where it is not understood.

    Numbers may be written as 20000, 20_000 and 2e4, several of them as `32 16` and `32,16`.

    default  goes where no flag is given; none: the class's own
    help     its help; none: with these defaults
    """
    if "-h" in args or "--help" in args:
        from drl.cli.help import render

        print(help() if help is not None else render(name, config, default))
        raise SystemExit(0)

    import tyro

    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            return tyro.cli(
                config, prog=f"drl {name}", args=args, default=default, registry=_numbers()
            )
    except SystemExit:
        problem = _unknown(config, name, args) or plainly(_first_paragraph(message.getvalue()))
        raise UserError(f"{problem}; see drl {name} --help") from None


def _unknown(config: type, name: str, args: Sequence[str]) -> str:
    """The first option that the command does not have, and which was probably meant; "" where all
    are known: the mistake is another."""
    from drl.cli.help import options_of, variants

    known = [option.name for option in options_of(config, None, "options")]
    known = [flag for flag in known if flag.startswith("--")]
    known += [f"--{word}" for word, _ in variants(name)]
    for word in args:
        flag = word.partition("=")[0].replace("_", "-")
        if flag.startswith("--") and flag.replace("--no-", "--", 1) not in known:
            return f"{name} has no {word.partition('=')[0]}{did_you_mean(flag, known, 2)}"
    return ""


def known(config: type, args: Sequence[str], default: Any = None) -> Any:
    """A config from those of the words that it knows; its defaults where they are not understood,
    which `parse` of the whole then says."""
    import tyro

    words = [word for word in args if word not in ("-h", "--help")]
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            found: Any = tyro.cli(
                config, args=words, default=default, return_unknown_args=True, registry=_numbers()
            )
    except SystemExit:
        return default or config()
    return found[0]


def named(args: Sequence[str]) -> set[str]:
    """The settings that the words name."""
    flags = (word.partition("=")[0] for word in args if word.startswith("--"))
    return {flag.removeprefix("--").replace("-", "_") for flag in flags}


def split(config: type, name: str, args: Sequence[str]) -> tuple[Any, list[str]]:
    """A config, and the words that it does not know.   UserError as in `parse`."""
    if "-h" in args or "--help" in args:
        parse(config, name, args)
    import tyro

    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            found: Any = tyro.cli(
                config, prog=f"drl {name}", args=args, return_unknown_args=True,
                registry=_numbers(),
            )  # fmt: skip
    except SystemExit:
        problem = plainly(_first_paragraph(message.getvalue()))
        raise UserError(f"{problem}; see drl {name} --help") from None
    return found[0], found[1]


def _numbers() -> Any:
    """How we read a whole number, and several numbers."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec

    registry = ConstructorRegistry()

    @registry.primitive_rule
    def rule(about: Any) -> Any:
        if about.type is int:
            return PrimitiveConstructorSpec(
                nargs=1,
                metavar="INT",
                instance_from_str=lambda words: whole(words[0]),
                is_instance=lambda value: type(value) is int,
                str_from_instance=lambda value: [str(value)],
            )
        kind, *rest = get_args(about.type) or [None]
        if get_origin(about.type) is tuple and kind in (int, float) and rest == [...]:
            read = whole if kind is int else float
            return PrimitiveConstructorSpec(
                nargs="*",  # "+" is none within a union
                metavar="…",
                instance_from_str=lambda words: tuple(read(part) for part in _parts(words)),
                is_instance=lambda value: isinstance(value, tuple),
                str_from_instance=lambda value: list(map(str, value)),
            )
        return None

    return registry


def whole(word: str) -> int:
    """ "20000", "20_000", "2e4" → 20000.  ValueError on anything else."""
    with contextlib.suppress(ValueError):
        return int(word)
    if re.fullmatch(r"[+-]?\d+(\.\d*)?e\+?\d{1,2}", word, re.IGNORECASE):
        number = float(word)
        if number.is_integer():
            return int(number)
    raise ValueError(f"int() of {word!r}")


def _parts(words: Sequence[str]) -> list[str]:
    """["32", "16"], ["32,16"] → ["32", "16"].   ValueError where there is none."""
    parts = [part for word in words for part in word.split(",") if part.strip()]
    if not parts:
        raise ValueError(NOTHING)
    return parts


def _first_paragraph(box: str) -> str:
    """The text of a framed message between its title and its first rule, whatever draws them."""
    text: list[str] = []
    for line in box.splitlines()[1:]:
        line = line.strip(" │|")
        if not line.startswith(("─", "╰", "---", "+--")):
            text.append(line)
        elif text:
            break
    return " ".join(text).rstrip(" .") or "the command line was not understood"


def plainly(message: str) -> str:
    """tyro's words for what is wrong with a value, without Python's."""
    message = re.sub(r"^Error parsing \w*(Config|Flags): ", "", message)  # our own text follows
    choice = re.fullmatch(
        r"invalid choice '(.*)' for argument '(\S+)'\. Expected one of \((.*)\)", message
    )
    if choice is not None:
        value, option, rest = choice.groups()
        choices = [c for c in re.findall(r"'([^']*)'", rest) if c != "None"]
        named = f"{option} {value}" if option.startswith("--") else repr(value)
        return f"{named} is not possible: give {listed(choices)}{did_you_mean(value, choices)}"
    required = re.match(r"Missing from drl [^:]*: (--\S+ )?\S+ (.*) \(required\)", message)
    if required is not None:  # a place, or an option and its metavar; then what it is
        option, text = required[1] or "", required[2].partition(".")[0]
        return f"missing: {option and option[:-1] + ', '}{text[:1].lower()}{text[1:]}"
    missing = re.match(r"Missing value for argument '(\S+)'", message)
    if missing is not None:
        option = missing[1]
        return (
            f"{option} needs a value" if option.startswith("--") else f"{option.upper()} is missing"
        )
    if extra := re.match(r"Unrecognized options: ([^,]*)", message):
        return f"{extra[1]!r} is not understood"
    wrong = re.match(r"Error parsing (--\S+|\[.*?\]): (.*)", message)  # [INT]: of a place
    if wrong is None:
        return message
    option, reason = wrong.groups()
    if NOTHING in reason:
        return f"{option} needs a value"
    value = re.search(r"'[^']*'\]?$|\['.*?'\]", reason)
    wanted = WHOLE if "int()" in reason else "a number" if "float" in reason else ""
    given = value[0].strip("[]") if value else "that"
    named = f"{option} {given}" if option.startswith("--") else given
    return f"{named} is not possible: give {wanted or 'what its help says'}"
