"""`drl`: finds the command, imports only what it needs, and says errors in one line."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from drl.errors import UserError

COMMANDS = {  # name → module, one line of help
    "train dqn": ("drl.cli.train_dqn", "learn an environment by deep Q-learning"),
    "train digits": ("drl.cli.train_digits", "learn to classify handwritten digits"),
    "evaluate": ("drl.cli.evaluate", "score a run in fresh environments, or on the test split"),
    "resume": ("drl.cli.resume", "go on with a run exactly where it stopped"),
    "watch": ("drl.cli.watch", "an episode as a GIF or MP4, or in a window"),
    "compare": ("drl.cli.compare", "runs beside each other over seeds: a table and a plot"),
    "export": ("drl.cli.export", "the network for numpy, torch or ONNX"),
    "board": ("drl.cli.board", "TensorBoard on the runs"),
    "check-gradients": (
        "drl.cli.check_gradients",
        "each derivative against differences and autograd",
    ),
    "tour": ("drl.cli.tour", "the course notes as chapters that run"),
    "completion": ("drl.cli.completion", "a script for bash, zsh or fish: what Tab knows"),
    "bench": ("drl.cli.bench", "measure our speed beside torch autograd"),
}

EXAMPLES = """\
  drl train dqn                              CartPole, tuned settings, stops when solved
  drl train dqn --env Acrobot-v1 --seed 3    any Gymnasium env with Discrete actions
  drl train dqn --seeds 10                   ten runs side by side, and what they come to
  drl train digits --model conv              8×8 digits; --data mnist for the large ones
  drl board                                  the curves, in the browser"""


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 a check or one of several runs failed, 2 a mistake that the user can
    mend, 130 interrupted.
    """
    args = sys.argv[1:] if argv is None else argv
    try:
        return _dispatch(args)
    except UserError as error:
        print(f"drl: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except PermissionError as error:  # of a path that was named, wherever it was looked at first
        print(
            f"drl: no permission for {error.filename}: change its rights, or name another path",
            file=sys.stderr,
        )
        return 2
    except BrokenPipeError:  # the reader of a pipe has gone, e.g. `drl … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("drl: interrupted", file=sys.stderr)
        return 130


def _dispatch(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help"):
        print(_help())
        return 0
    if args[0] == "--version":
        from importlib.metadata import version

        print(f"drl {version('drl-toolkit')}")
        return 0
    words = 2 if args[0] == "train" and len(args) > 1 and not args[1].startswith("-") else 1
    name, rest = " ".join(args[:words]), args[words:]
    if name not in COMMANDS:
        if args[0] == "train":
            raise UserError("train what? expected 'drl train dqn' or 'drl train digits'")
        raise UserError(f"unknown command {name!r}{_nearest(name)}; see drl --help")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # before numpy comes: small nets are fastest on one
    from drl.cli.heap import keep_freed_memory  # ctypes, which `drl --help` need not load

    keep_freed_memory()
    _check_packages()
    module = importlib.import_module(COMMANDS[name][0])
    config = module.parse(rest) if hasattr(module, "parse") else parse(module.Config, name, rest)
    result = module.run(config)
    if isinstance(result, int):
        return result
    if getattr(config, "json", False):
        import json

        print(json.dumps(result))
    if result.get("interrupted"):
        return 130
    return int(bool(result.get("failed")) or result.get("checkpoint_saved") is False)


def parse(config: type, name: str, args: list[str], default: Any = None) -> Any:
    """The config from the command line; tyro's message, if any, as one line."""
    import contextlib
    import io

    if "-h" in args or "--help" in args:
        from drl.cli.help import render

        print(render(name, config, default))
        raise SystemExit(0)

    import tyro

    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            return tyro.cli(config, prog=f"drl {name}", args=args, default=default)
    except SystemExit:
        problem = plainly(_first_paragraph(message.getvalue()))
        raise UserError(f"{problem}; see drl {name} --help") from None


def _first_paragraph(box: str) -> str:
    """The text of a framed message between its title and its first rule, whatever draws them."""
    text: list[str] = []
    for line in box.splitlines()[1:]:
        line = line.strip(" │")
        if not line.startswith(("─", "╰", "---")):
            text.append(line)
        elif text:
            break
    return " ".join(text).rstrip(" .") or "the command line was not understood"


def plainly(message: str) -> str:
    """tyro's words for a value of the wrong type, without Python's."""
    import re

    message = re.sub(r"^Error parsing \w*Config: ", "", message)  # our own text follows
    wrong = re.match(r"Error parsing (--\S+): (.*)", message)
    if wrong is None:
        return message
    option, reason = wrong.groups()
    value = re.search(r"'[^']*'\]?$|\['.*?'\]", reason)
    wanted = "a whole number" if "int()" in reason else "a number" if "float" in reason else ""
    given = value[0].strip("[]") if value else "that"
    return f"{option} {given} is not possible: give {wanted or 'what its help says'}"


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.4)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _check_packages() -> None:
    """`agents` and `envs` are names that other distributions use too: make sure they are ours."""
    home = Path(__file__).resolve().parents[2]
    for name in ("agents", "envs"):
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve().parents[1] if spec and spec.origin else None
        if found != home:
            from importlib.metadata import packages_distributions

            owner = [d for d in packages_distributions().get(name, []) if d != "drl-toolkit"]
            raise UserError(
                f"the package {name!r} that Python finds is not ours but "
                f"{', '.join(owner) or 'another'}'s ({found}): install drl-toolkit in a virtual "
                "environment without it, or run from another directory"
            )


def _help() -> str:
    width = max(map(len, COMMANDS))
    table = "\n".join(f"  drl {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
    return (
        "Deep reinforcement learning on one MLP, every gradient by hand.\n\n"
        f"commands (each has --help):\n{table}\n\nexamples:\n{EXAMPLES}"
    )


if __name__ == "__main__":
    sys.exit(main())
