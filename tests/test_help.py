"""Help that is whole: every field of every command, with a text; examples that can be typed."""

import dataclasses
import importlib
import shlex
from typing import Any, get_type_hints

import pytest

from drl.cli import help
from drl.cli.completion import config_class
from drl.cli.main import COMMANDS, main


def names(config: Any) -> set[str]:
    found = set()
    hints = get_type_hints(config)
    for field in dataclasses.fields(config):
        inner = hints[field.name]
        found |= names(inner) if dataclasses.is_dataclass(inner) else {field.name.strip("_")}
    return found


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("width", [80, 120])
def test_every_option_is_there_once_with_a_text(name: str, width: int) -> None:
    config = config_class(name, COMMANDS[name][0])
    options = list(help.options_of(config, None, "options"))
    finished = [o.name.lower().strip("-…").replace("-", "_") for o in options]
    assert sorted(finished) == sorted(names(config))
    assert all(o.text for o in options)
    text = help.render(name, config, width=width)
    lines, examples = text.split("examples:\n")
    assert all(len(line) <= width for line in lines.splitlines())
    assert examples.startswith("  ")
    titles = [line for line in lines.splitlines() if line.endswith(":") and line[0] != " "]
    assert len(titles) == len(set(titles))  # groups of one title stand together


def test_groups_defaults_and_units_of_the_main_job(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "dqn", "--env", "Acrobot-v1", "--help"])
    text = capsys.readouterr().out
    assert text.splitlines()[2] == "Learn an environment by deep Q-learning."
    groups = [line for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    assert groups[:2] == ["run:", "curves, checkpoints, output:"] and "exploration:" in groups
    assert "(default: munchausen)" in " ".join(
        text.split()
    )  # the preset of the environment that was named
    assert "--bootstrap max|double|munchausen" in text
    assert "--rainbow switches on all parts of Rainbow" in text
    assert text.index("--env TEXT") < text.index("--seed INT") < text.index("--seeds INT")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "completion"])
def test_examples_are_understood(name: str) -> None:
    module = importlib.import_module(COMMANDS[name][0])
    from drl.cli.parse import parse

    for command, _ in help.EXAMPLES[name]:
        args = shlex.split(command)[1 + len(name.split()) :]
        if hasattr(module, "parse"):
            module.parse(name, args)
        else:
            parse(module.Config, name, args)
