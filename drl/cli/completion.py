"""`drl completion SHELL`: what Tab knows, as a script that the shell reads once.

It is written from the same source as the help, and starts no Python when Tab is pressed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import tyro

BASH = """\
_drl() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
  local command="${COMP_WORDS[1]}" words=""
  [[ $command == train && $COMP_CWORD -gt 2 ]] && command="train ${COMP_WORDS[2]}"
  if [[ $COMP_CWORD -eq 1 ]]; then
    words="%(commands)s --help --version"
  elif [[ $command == train ]]; then
    words="%(jobs)s"
  else
    case "$command $prev" in
%(cases)s
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _drl drl
"""
ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


@dataclass(frozen=True)
class Config:
    """Print the script that completes commands, options and their values in a shell."""

    shell: tyro.conf.Positional[Literal["bash", "zsh", "fish"]]
    """The shell that is to read it."""


class Word(NamedTuple):
    name: str  # --env
    choices: tuple[str, ...]  # of its value; empty: any
    switch: bool  # takes no value
    text: str


def run(config: Config) -> int:
    """Print it."""
    from drl.cli.main import COMMANDS

    commands = {name: list(words(name, module)) for name, (module, _) in COMMANDS.items()}
    if config.shell == "fish":
        print("\n".join(fish(commands)))
    else:
        print(ZSH * (config.shell == "zsh") + bash(commands), end="")
    return 0


def words(command: str, module: str) -> Iterator[Word]:
    """A command's options; what is positional counts for the choice of its values alone."""
    from drl.cli.help import options_of, variants

    yield Word("--help", (), True, "what it does, and its options")
    for name, text in variants(command):
        yield Word(f"--{name}", (), True, text)
    for option in options_of(config_class(command, module), None, "options"):
        values = [value for value in option.value.split("|") if value != "None"]
        choices = tuple(values) if len(values) > 1 else ()
        if option.name == "--env":
            choices = env_ids()
        if any(choice.isupper() or " " in choice for choice in choices):
            choices = ()  # a number, or None
        switch = option.name.startswith("--") and not option.value
        yield Word(option.name, choices, switch, option.text.partition(".")[0])


def config_class(command: str, module: str) -> type:
    """What a command parses."""
    found = importlib.import_module(module)
    if hasattr(found, "config_of"):
        made: type = found.config_of(command.removeprefix("train "))
        return made
    config: type = found.Config
    return config


def env_ids() -> tuple[str, ...]:
    """Those that we know well; any other can be typed.  What a preset is for may be an environment
    of another version of Gymnasium than is here."""
    import gymnasium

    from agents.row import find_row
    from drl.tables import AGENTS
    from envs.ids import OURS, REGISTERED, others

    there = {*gymnasium.registry, *others()}
    tuned = {id for name in AGENTS for id in find_row(name).presets}
    return tuple(sorted({*(tuned & there), *OURS, *REGISTERED}))


def bash(commands: dict[str, list[Word]]) -> str:
    """The function that bash calls; zsh calls it by its emulation."""
    cases = []
    for command, known in commands.items():
        for word in known:
            if word.name.startswith("-") and not word.switch:
                values = " ".join(word.choices)  # none: bash goes on with the names of files
                cases.append(f'      "{command} {word.name}") words="{values}";;')
        flags = [word.name for word in known if word.name.startswith("-")]
        places = [v for word in known if not word.name.startswith("-") for v in word.choices]
        cases.append(f'      "{command} "*) words="{" ".join(places)}"')
        cases.append(f'        [[ $cur == -* ]] && words="{" ".join(flags)}";;')
    return BASH % {
        "commands": " ".join(dict.fromkeys(name.split()[0] for name in commands)),
        "jobs": " ".join(name.split()[1] for name in commands if " " in name),
        "cases": "\n".join(cases),
    }


def fish(commands: dict[str, list[Word]]) -> Iterator[str]:
    """One line for each word."""
    from drl.cli.main import COMMANDS

    known_jobs = " ".join(name.split()[1] for name in commands if " " in name)
    for command in commands:
        first, _, job = command.partition(" ")
        if job:
            yield f"complete -c drl -f -n __fish_use_subcommand -a {first}"
            jobs = f"not __fish_seen_subcommand_from {known_jobs}"
            seen = f"__fish_seen_subcommand_from {first}; and {jobs}"
            yield f"complete -c drl -f -n '{seen}' -a {job}{_about(COMMANDS[command][1])}"
        else:
            about = _about(COMMANDS[command][1])
            yield f"complete -c drl -f -n __fish_use_subcommand -a {first}{about}"
    for command, known in commands.items():
        seen = "; and ".join(f"__fish_seen_subcommand_from {part}" for part in command.split())
        for word in known:
            values = f" -xa '{' '.join(word.choices)}'" if word.choices else ""
            if word.name.startswith("--"):
                values = values or " -r" * (not word.switch)
                about = _about(word.text)
                yield f"complete -c drl -n '{seen}' -l {word.name[2:]}{values}{about}"
            elif values:
                yield f"complete -c drl -n '{seen}'{values}"


def _about(text: str) -> str:
    return " -d '" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
