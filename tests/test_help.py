"""Help that is whole: every field of every command, with a text; examples that can be typed."""

import dataclasses
import importlib
import re
import shlex
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from agents.config import ExperimentConfig
from agents.row import find_row
from drl.cli import help
from drl.cli.completion import config_class
from drl.cli.main import COMMANDS, main
from drl.tables import AGENTS, env_of


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
    assert "(default: double; Acrobot-v1's preset: munchausen)" in " ".join(text.split())
    assert "--bootstrap max|double|munchausen" in text
    assert "--rainbow switches on all parts of Rainbow" in " ".join(text.split())
    assert text.index("--env TEXT") < text.index("--seed INT") < text.index("--seeds INT")


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, str]:
    """A help: flag → what stands behind it."""
    with pytest.raises(SystemExit):
        main(["train", *words, "--help"])
    options = re.split(r"\n  (?=--)", capsys.readouterr().out)[1:]
    return {text.split()[0]: " ".join(text.split()[1:]) for text in options}


@pytest.mark.parametrize("agent", AGENTS)
def test_defaults_are_the_config_s_and_a_preset_s_are_told_by_its_name(
    agent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the environment that an agent has where none is named; with a line for each setting."""
    row, env = find_row(agent), env_of(agent)
    tuned = row.preset(env)
    texts = told(capsys, agent)
    assert f"(default: {env})" in texts["--env"]
    for own, kind in ((0, row.config), (1, ExperimentConfig)):
        plain = kind()
        for field in dataclasses.fields(kind):
            value = getattr(plain, field.name)
            chosen = value if tuned is None else getattr(tuned[own], field.name)
            about = texts[f"--{field.name.replace('_', '-')}"]
            preset = f"{env}'s preset: {help._plain(chosen)})"
            assert (preset in about) == (chosen != value), field.name
            if type(value) in (int, float, str):
                assert f"(default: {help._plain(value)}" in about, field.name


def test_what_a_variant_and_a_run_set_is_told_by_their_flags(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = told(capsys, "dqn", "--env", "Acrobot-v1", "--rainbow")["--n-step"]
    assert "(default: 1; Acrobot-v1's preset with --rainbow: 3)" in text
    text = told(capsys, "dqn", "--env", "Odd-v0", "--rainbow")["--n-step"]
    assert "(default: 1; --rainbow: 3)" in text
    run = str(tmp_path / "run")
    words = ["--steps", "40", "--num-envs", "4", "--n-step", "7", "--learning-starts", "1000"]
    assert main(["train", "dqn", "--run", run, *words, "--log", "none", "--json"]) == 0
    capsys.readouterr()
    texts = told(capsys, "dqn", "--config", f"{run}/config.json")
    assert "(default: 1; --config: 7)" in texts["--n-step"]
    assert "(default: 16; --config: 4)" in texts["--num-envs"]


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
