"""`drl train NAME`: an agent in an environment, or a classifier."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from drl.tables import TASKS

if TYPE_CHECKING:
    from drl.api.train import Plan

INLINE = tyro.conf.arg(name="")  # flags without a prefix


@dataclass(frozen=True)
class TaskFlags:
    """What a training is called with, besides its settings."""

    # -- run -------------------------------------------------------------------------------------
    run: Path | None = None
    """Directory of the run, or with --seeds of the runs; none: runs/<what>-<seed>-<time>."""
    seeds: int = 1
    """Runs, with seeds from --seed on, side by side on the cores there are."""
    json: bool = False
    """Print the result as one JSON object on the last line."""


@dataclass(frozen=True)
class AgentFlags(TaskFlags):
    """Of an agent, its environment too."""

    env: str = "CartPole-v1"
    """Environment: an id, ours or Gymnasium's; module:Id imports that module first; file.py:Class
    is a class in a file of yours."""


def config_of(name: str) -> type:
    """The config that `drl train NAME` parses: flags, the training's settings, the agent's."""
    if name in TASKS:
        from drl.supervised.config import DigitsConfig

        parts: list[tuple[str, type]] = [("flags", TaskFlags), ("task", DigitsConfig)]
        doc = DigitsConfig.__doc__
    else:
        from agents.config import ExperimentConfig
        from drl.api.choose import find_agent

        row = find_agent(name)
        parts = [("flags", AgentFlags), ("experiment", ExperimentConfig), ("agent", row.config)]
        doc = ABOUT_AGENTS + "".join(
            f"  --{name} switches on {variant.help}." for name, variant in row.variants.items()
        )
    inline = [(n, Annotated[kind, INLINE], field(default_factory=kind)) for n, kind in parts]
    made = make_dataclass("Config", inline, frozen=True)
    made.__doc__ = doc
    return made


ABOUT_AGENTS = """Learn an environment.

CartPole-v1 stops when solved; an environment with a preset needs no other flag.  An environment of
Gymnasium's that raises, or hangs for 60 s, is restarted, at most 10 times in a run."""


def parse(command: str, args: list[str]) -> Any:
    """The config from the words behind `drl train NAME`.

    The environment that is named decides the defaults of all other flags; so does a variant
    (--rainbow), which can stand with flags that change one of its parts back.
    """
    from drl.cli.parse import known
    from drl.cli.parse import parse as parse_with

    name = command.removeprefix("train ")
    if name in TASKS:
        return parse_with(config_of(name), command, args)
    from drl.api.choose import choose, find_agent
    from envs.ids import resolve

    row = find_agent(name)
    variants = [variant for word, variant in row.variants.items() if f"--{word}" in args]
    args = [word for word in args if word.removeprefix("--") not in row.variants]
    env = resolve(known(AgentFlags, args).env)
    tuned = choose(row, env)
    agent = tuned.config
    for variant in variants:
        agent = variant.apply(agent)
    kind = config_of(name)
    default = kind(flags=AgentFlags(env=env), experiment=tuned.experiment, agent=agent)
    config = parse_with(kind, command, args, default)
    return replace(config, flags=replace(config.flags, env=resolve(config.flags.env)))


def run(config: Any) -> dict[str, Any]:
    """Train, and give the summary."""
    from drl.api.sweep import sweep
    from drl.api.train import begin
    from drl.cli.console import CommandConsole
    from drl.experiment.run_files import claim_directory
    from drl.tables import job_of

    flags, console = config.flags, CommandConsole(quiet=config.flags.json)
    plan = plan_of(config)  # what is wrong with the settings has shown now, before a file is made
    if flags.seeds != 1:
        return sweep(plan, flags.seeds, flags.run, console)
    settings = plan.settings
    what = settings[job_of(settings["job"]).what]
    directory = flags.run or claim_directory(settings["job"], what, settings["seed"])
    return begin(plan, console, directory).summary


def plan_of(config: Any) -> Plan:
    """What is to be trained.   UserError where it cannot be."""
    from drl.api.train import plan_rl, plan_supervised

    if hasattr(config, "task"):
        return plan_supervised(None, config.task, {})
    name = next(n for n, kind in _agents() if type(config.agent) is kind)
    return plan_rl(name, config.flags.env, config.agent, config.experiment)


def _agents() -> list[tuple[str, type]]:
    from drl.api.choose import find_agent
    from drl.tables import AGENTS

    return [(name, find_agent(name).config) for name in AGENTS]
