"""`drl`: finds the command, imports only what it needs, and says errors in one line."""

from __future__ import annotations

import importlib
import sys

from drl import threads
from drl.display.console import Console, env_warnings
from drl.display.streams import one_line, safe_streams
from drl.errors import UserError, out_of_memory
from drl.experiment.interrupt import ended_by_signals
from drl.nearest import asked, nearest
from drl.tables import AGENTS, TASKS, is_own, unknown_agent

COMMANDS = {  # name → module, one line of help
    **{f"train {name}": ("drl.cli.train", row.help) for name, row in (AGENTS | TASKS).items()},
    "evaluate": ("drl.cli.evaluate", "score a run in fresh environments, or on the test split"),
    "resume": ("drl.cli.resume", "go on with a run exactly where it stopped"),
    "verify": ("drl.cli.verify", "train a run again, and compare every byte"),
    "watch": ("drl.cli.watch", "an episode as a GIF or MP4, or in a window"),
    "compare": ("drl.cli.compare", "runs beside each other over seeds: a table and a plot"),
    "export": ("drl.cli.export", "the network for numpy, torch or ONNX"),
    "board": ("drl.cli.board", "TensorBoard on the runs"),
    "doctor": ("drl.cli.doctor", "what is broken where: in an agent, or an environment"),
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
  drl train dqn --env Acrobot-v1 --seed 3    any Gymnasium env
  drl train ppo --env Pendulum-v1            a policy gradient: continuous actions too
  drl train dqn --env my_env.py:MyEnv        yours: a class in a file (docs/your-own.md)
  drl train dqn --seeds 10                   ten runs side by side, and what they come to
  drl train digits --model conv              8×8 digits; --data mnist for the large ones
  drl board                                  the curves, in the browser"""


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 a check or one of several runs failed, or what was printed got lost,
    2 a mistake that the user can mend, 130 interrupted.
    """
    args = sys.argv[1:] if argv is None else argv
    with safe_streams() as lost:
        try:
            code = _answer(args)
        except SystemExit as stop:  # help was asked for, and printed
            if not lost():
                raise
            code = int(bool(stop.code))
        if error := lost():
            print(
                f"drl: standard output could not be written ({error.strerror}): the work is done, "
                "but some of what it printed is lost",
                file=sys.stderr,
            )
        return code or int(error is not None)


def _answer(args: list[str]) -> int:
    try:
        with ended_by_signals(), env_warnings(Console().warn):
            return _dispatch(args)
    except UserError as error:
        print(f"drl: {one_line(_said(error))}", file=sys.stderr)
        return 2
    except PermissionError as error:  # of a path that was named, wherever it was looked at first
        print(
            f"drl: no permission for {error.filename}: change its rights, or name another path",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("drl: interrupted", file=sys.stderr)
        return 130
    except Exception as error:  # a fault of ours; through our streams, since it may quote anything
        if out_of_memory(error):
            print(
                f"drl: not enough memory ({one_line(str(error))}): ask for less, or use a machine "
                "that has more",
                file=sys.stderr,
            )
            return 2
        import traceback

        traceback.print_exc()
        return 1


def _dispatch(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help"):
        print(_help())
        return 0
    if args[0] == "--version":
        from importlib.metadata import version

        print(f"drl {version('drl-toolkit')}")
        return 0
    if args[0] == "train" and args[1:2] in (["-h"], ["--help"]):
        print(_help("train"))
        return 0
    words = 2 if args[0] == "train" and len(args) > 1 and not args[1].startswith("-") else 1
    name, rest = " ".join(args[:words]), args[words:]
    own = words == 2 and is_own(args[1])  # an agent in a file of the user's
    if name not in COMMANDS and not own:
        if words == 2:
            raise unknown_agent(args[1], (*AGENTS, *TASKS))
        if args[0] == "train":
            raise UserError(_train_what(rest))
        known = dict.fromkeys((*(name.partition(" ")[0] for name in COMMANDS), *AGENTS, *TASKS))
        near = ["train " * (name in (*AGENTS, *TASKS)) + name for name in nearest(args[0], known)]
        raise UserError(f"unknown command {args[0]!r}{asked(near)}; see drl --help")
    threads.of_this_process()  # before numpy comes: small nets are fastest on one
    from drl.cli.heap import keep_freed_memory  # ctypes, which `drl --help` need not load

    keep_freed_memory()
    from drl.cli.ours import check_packages

    check_packages()
    module = importlib.import_module("drl.cli.train" if own else COMMANDS[name][0])
    if hasattr(module, "parse"):
        config = module.parse(name, rest)
    else:
        from drl.cli.parse import parse

        config = parse(module.Config, name, rest)
    with threads.one_thread():  # where numpy was there before us
        result = module.run(config)
    if isinstance(result, int):
        return result
    if getattr(getattr(config, "flags", config), "json", False):
        import json

        print(json.dumps(result))
    if result.get("interrupted"):
        return 130
    return int(bool(result.get("failed")) or result.get("checkpoint_saved") is False)


def _said(error: UserError) -> str:
    """With flags where the library names parameters."""
    if "`" not in str(error) and "=" not in str(error):
        return str(error)
    from drl.cli.console import as_flags

    return as_flags(str(error))


def _train_what(words: list[str]) -> str:
    """That the agent comes first, with the command as it should be: of what was written."""
    rest, agent = list(words), ""
    for i, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in ("--agent", "--algo", "--algorithm", "--job"):
            value = value if equals else "".join(words[i + 1 : i + 2])
            agent, rest = value, words[:i] + words[i + 1 + (not equals) :]
    named = agent if agent in AGENTS or agent in TASKS or is_own(agent) else ""
    first = named or "".join(nearest(agent, (*AGENTS, *TASKS))) or "dqn"
    known = ", ".join((*AGENTS, *TASKS))
    return (
        f"train what? The agent comes first: {' '.join(['drl train', first, *rest])} (there are "
        f"{known}, and files of yours: my_agent.py)"
    )


def _help(start: str = "") -> str:
    """The commands whose names begin so, and examples."""
    shown = {name: text for name, (_, text) in COMMANDS.items() if name.startswith(start)}
    width = max(map(len, shown))
    table = "\n".join(f"  drl {name:<{width}}  {text}" for name, text in shown.items())
    examples = "\n".join(line for line in EXAMPLES.splitlines() if f"drl {start}" in line)
    return (
        "Deep reinforcement learning on one MLP, every gradient by hand.\n\n"
        f"commands (each has --help):\n{table}\n\nexamples:\n{examples}"
    )


if __name__ == "__main__":
    sys.exit(main())
