"""What `drl COMMAND --help` prints, from the source of the command's Config.

A field's annotation gives the kind of its value, the string below it the text, and a comment
`# -- title --` above it the group.  The defaults are the Config's own; what a preset sets in place
of one stands beside it, by the preset's name.
"""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

EXAMPLES = {  # command → lines to try, each with what it does
    "train dqn": (
        ("drl train dqn", "CartPole, until solved"),
        ("drl train dqn --env Acrobot-v1 --seed 3", "its preset, another seed"),
        ("drl train dqn --seeds 10", "seeds 1 to 10, side by side"),
        ("drl train dqn --head qr --n-step 1", "other parts of the family"),
        ("drl train dqn --solved-at None --steps 50000", "all steps, also when solved"),
    ),
    "train ppo": (
        ("drl train ppo", "CartPole, until solved"),
        ("drl train ppo --env Pendulum-v1", "continuous actions"),
        ("drl train ppo --n-steps 256 --n-epochs 4", "longer rollouts, fewer epochs"),
    ),
    "train a2c": (
        ("drl train a2c", "CartPole, until solved"),
        ("drl train a2c --optimizer adam --n-steps 16", "other parts"),
    ),
    "train pqn": (
        ("drl train pqn", "CartPole, until solved"),
        ("drl train pqn --env MinAtar/Breakout-v1", "pictures: convolutions and LayerNorm"),
        ("drl train pqn --q-lambda 0 --no-layer-norm", "what each part is good for"),
    ),
    "train sac": (
        ("drl train sac", "Pendulum, in 10,000 env steps"),
        ("drl train sac --env Hopper-v5 --steps 300000", "MuJoCo"),
        ("drl train sac --ent-coef 0.1", "a temperature that is not learnt"),
    ),
    "train td3": (
        ("drl train td3", "Pendulum"),
        ("drl train td3 --action-noise 0.3", "more noise on actions to learn from"),
    ),
    "train tqc": (
        ("drl train tqc", "Pendulum"),
        ("drl train tqc --drop 0", "no quantile is left out"),
    ),
    "train crossq": (
        ("drl train crossq", "Pendulum"),
        ("drl train crossq --hidden 512 512", "wider, as theirs"),
    ),
    "train digits": (
        ("drl train digits", "8×8 digits, a hidden layer"),
        ("drl train digits --model conv --data mnist", "convolutions; MNIST is downloaded"),
        ("drl train digits --hidden 256 128 --lr 0.002", "another network"),
    ),
    "evaluate": (
        ("drl evaluate runs/RUN", "100 episodes of the best policy"),
        ("drl evaluate runs/RUN --policy last --json", "of the last one, for a script"),
    ),
    "resume": (
        ("drl resume runs/RUN", "to its end"),
        ("drl resume runs/RUN --steps 200000", "further than it was meant to go"),
        ("drl resume runs/DIR", "all runs of a --seeds"),
    ),
    "verify": (
        ("drl verify runs/RUN", "from its first step"),
        ("drl verify runs/RUN --from checkpoint", "the last part alone"),
    ),
    "watch": (
        ("drl watch runs/RUN", "writes runs/RUN/episode.gif"),
        ("drl watch runs/RUN --window", "plays on the screen"),
        ("drl watch runs/RUN --out video.mp4 --seed 3", "another episode, as a video"),
    ),
    "compare": (
        ("drl compare runs/*", "a table"),
        ("drl compare runs/A runs/B --out curves.png", "learning curves too"),
    ),
    "export": (
        ("drl export runs/RUN --format npz --out net.npz", "for numpy; prints the reader"),
        ("drl export runs/RUN --format onnx --out net.onnx", "for any ONNX runtime"),
    ),
    "board": (("drl board", "all runs in runs/"), ("drl board runs/RUN --port 7007", "one run")),
    "doctor": (
        ("drl doctor", "DQN on the ladder of probe environments"),
        ("drl doctor --agent my_agent.py", "an agent of yours on it"),
        ("drl doctor --env my_env.py:MyEnv", "your environment, before you train"),
    ),
    "check-gradients": (("drl check-gradients", "all of them, within seconds"),),
    "tour": (
        ("drl tour", "the list of chapters"),
        ("drl tour 8", "backpropagation, in the terminal"),
        ("drl tour --all --out tour", "all of it, with figures"),
    ),
    "bench": (
        ("drl bench step", "our gradient step beside autograd"),
        ("drl bench cartpole --seeds 5", "command to solved, over 5 seeds"),
        ("drl bench --all", "each, and the page of results"),
    ),
    "completion": (
        ("source <(drl completion bash)", "in this shell, or in ~/.bashrc"),
        ("drl completion zsh > ~/.zfunc/_drl", "a directory in fpath"),
        ("drl completion fish > ~/.config/fish/completions/drl.fish", "for fish"),
    ),
}

KINDS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH", bool: "", type(None): "None"}
LEFT = 24  # columns for names


class Option(NamedTuple):
    group: str
    name: str  # --env, or RUN where it is positional
    value: str  # INT, PATH, a|b; empty for a switch
    text: str
    default: str
    given: Any = None  # the value that it has where nothing is said
    instead: str = ""  # what a preset, or a run, sets in place of the default


def render(
    name: str, config: type, default: Any = None, width: int | None = None, instead: Any = None,
    whose: str = "",
) -> str:  # fmt: skip
    """The help of a command.

    default  the config whose values are the defaults; none: the class's own
    width    columns; none: the terminal's, at most 100
    instead  the config that goes where no flag is given, where that is another
    whose    it is, in a word: what differs is told by it
    """
    width = width or min(100, shutil.get_terminal_size().columns)
    options = list(options_of(config, default, "options"))
    if instead is not None:
        options = [
            option if option.given == its.given
            else option._replace(instead=f"{whose}: {_plain(its.given)}")
            for option, its in zip(options, options_of(config, instead, "options"), strict=True)
        ]  # fmt: skip
    positional = " ".join(
        o.name if o.default == "required" else f"[{o.name}]"
        for o in options
        if not o.name.startswith("-")
    )
    lines = [f"usage: drl {name} {positional}".rstrip() + " [options]", ""]
    for paragraph in inspect.cleandoc(config.__doc__ or "").split("\n\n"):
        lines += [*textwrap.wrap(" ".join(paragraph.split()), width), ""]
    for group in dict.fromkeys(o.group for o in options):
        lines.append(f"{group}:")
        for option in options:
            if option.group == group:
                lines += _option(option, width)
        lines.append("")
    if any(not o.value and o.name.startswith("-") for o in options):
        lines += ["A switch is set back by --no-…, as in --no-json.", ""]
    lines.append("examples:")
    examples = EXAMPLES.get(name, ((f"drl {name} --env CartPole-v1", "an environment by its id"),))
    left = max(len(command) for command, _ in examples) + 2
    lines += [f"  {command:<{left}}{what}" for command, what in examples]
    return "\n".join(lines)


def _option(option: Option, width: int) -> list[str]:
    names = f"  {option.name} {option.value}".rstrip()
    if len(names) > width:  # more choices than a line holds: the text tells each
        names = f"  {option.name}"
    default = f"default: {option.default}" if option.default else ""
    notes = "; ".join(filter(None, (default.replace("default: required", "required"),
                                    option.instead)))  # fmt: skip
    text = option.text + (f" ({notes})" if notes else "")
    rows = textwrap.wrap(text, width, initial_indent=" " * LEFT, subsequent_indent=" " * LEFT)
    if len(names) < LEFT - 1:
        return [names.ljust(LEFT) + rows[0].lstrip(), *rows[1:]]
    return [names, *rows]


def options_of(config: type, default: Any, group: str) -> Iterator[Option]:
    """Those of a dataclass, in its order; those of a dataclass inside it come last.

    A config that is put together of others (drl.cli.train) has those of its parts; groups of one
    title stand together.  What a class declares anew stays where its base has it, with the base's
    text where it has none.
    """
    found: dict[str, Option] = {}
    for part in reversed(config.__mro__):
        if is_dataclass(part):
            for option in _own_options(part, default, group):
                before = found.get(option.name, option)
                text = option.text or before.text
                found[option.name] = option._replace(group=before.group, text=text)
    yield from found.values()


def variants(command: str) -> list[tuple[str, str]]:
    """Switches of an agent that stand for several settings."""
    from drl.api.find import find_agent
    from drl.tables import AGENTS

    name = command.removeprefix("train ")
    if name not in AGENTS:
        return []
    return [(word, variant.help) for word, variant in find_agent(name).variants.items()]


def _own_options(config: type, default: Any, group: str) -> Iterator[Option]:
    hints = get_type_hints(config)
    if config.__name__ == "Config" and all(map(is_dataclass, hints.values())):
        for field in fields(config):
            part = getattr(default, field.name, None)
            yield from options_of(hints[field.name], part, group)
        return
    source = textwrap.dedent(inspect.getsource(config))
    comments = {
        number: line.strip(" #-")
        for number, line in enumerate(source.splitlines(), 1)
        if line.lstrip().startswith("# -- ")
    }
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    known = {field.name: field for field in fields(config)}
    inner = []
    for statement, below in zip(body.body, [*body.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        group = next((t for n, t in reversed(comments.items()) if n < statement.lineno), group)
        field = known[statement.target.id]
        value = getattr(default, field.name, _default(field))
        if is_dataclass(hints[field.name]):
            inner.append((hints[field.name], value))
            continue
        text = below.value.value if _is_text(below) else ""  # type: ignore[union-attr]
        text = re.sub(
            r"\b[a-z]+(_[a-z]+)+\b", lambda m: _flag(m[0]) if m[0] in known else m[0], text
        )
        annotation = ast.unparse(statement.annotation)
        yield _described(group, field.name, annotation, hints[field.name], text, value)
    for hint, value in inner:
        yield from options_of(hint, None if value is MISSING else value, group)


def _default(field: Field[Any]) -> Any:
    """MISSING where there is none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _is_text(statement: ast.stmt | None) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _described(group: str, name: str, annotation: str, hint: Any, text: str, value: Any) -> Option:
    default = "required" if value is MISSING else "" if value is None else _plain(value)
    text = " ".join(text.split())
    kind = _kind(hint)
    if "Positional[" in annotation:
        many = "…" * (get_origin(hint) is tuple)
        return Option(group, name.upper() + many, kind if "|" in kind else "", text, default)
    if hint is bool:
        default = default if value else ""
    return Option(group, _flag(name), kind, text, default, value)


def _flag(name: str) -> str:
    return f"--{name.strip('_').replace('_', '-')}"


def _kind(hint: Any) -> str:
    """A type as the word for the value on the command line."""
    parts = get_args(hint)
    if get_origin(hint) is Literal:
        return "|".join(parts)
    if get_origin(hint) is tuple:
        return f"{_kind(parts[0])} …"
    if parts:  # a union
        return "|".join(map(_kind, parts))
    return KINDS[hint]


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_plain, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
