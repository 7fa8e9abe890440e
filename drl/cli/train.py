"""`drl train NAME`: an agent in an environment, or a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, make_dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from drl.cli import from_run
from drl.errors import UserError
from drl.tables import AGENTS, CARTPOLE, TASKS, env_of, is_own, label

if TYPE_CHECKING:
    from agents.row import Row
    from drl.api.plan import Plan

INLINE = tyro.conf.arg(name="")  # flags without a prefix


@dataclass(frozen=True)
class EnvFlags:
    """Where an agent learns."""

    # -- run -------------------------------------------------------------------------------------
    env: str = CARTPOLE
    """Environment: an id, ours or Gymnasium's; module:Id imports that module first; file.py:Class
    is a class in a file of yours."""
    env_kwargs: tuple[str, ...] = ()
    """For the environment's constructor: name=value …; values are JSON, or text."""
    wrapper: tuple[str, ...] = ()
    """Wrappers around each environment, in this order: module:Class or file.py:Class."""
    net: str | None = None
    """Your own network: module:function or file.py:function (docs/your-own.md)."""
    parts: tuple[str, ...] = ()
    """Other parts of the agent of your own, name=module:thing or name=file.py:thing, as in
    bootstrap=my_parts.py:target (docs/your-own.md)."""
    init_from: Path | None = None
    """A run, a policy's file, or a checkpoint of a run, whose weights the agent begins with."""


@dataclass(frozen=True)
class Flags:
    """What a training is called with, besides its settings."""

    # -- run -------------------------------------------------------------------------------------
    config: Path | None = None
    """A run's config.json, whose settings are the defaults of all other flags, the environment
    too."""
    seeds: int = 1
    """Runs, with seeds from --seed on, side by side on the cores there are; they join those that
    are in --run already."""
    run: Path | None = None
    """Directory of the run, or with --seeds of the runs; none: one in runs/, named by what is
    learnt, seed and time."""
    resume_or_start: bool = False
    """Where --run is there already go on with it; one that is finished is left, exit code 0."""

    # -- curves, checkpoints, output -------------------------------------------------------------
    json: bool = False
    """Print the result as one JSON object on the last line."""


def config_of(name: str) -> type:
    """The config that `drl train NAME` parses: the training's settings, flags, the agent's."""
    if name in TASKS:
        from drl.supervised.config import DigitsConfig

        parts: list[tuple[str, type]] = [("task", DigitsConfig), ("flags", Flags)]
    else:
        from agents.config import ExperimentConfig
        from drl.api.find import find_agent

        parts = [
            ("environment", EnvFlags), ("experiment", ExperimentConfig), ("flags", Flags),
            ("agent", find_agent(name).config),
        ]  # fmt: skip
    return _joined(parts, job=name, __doc__=_about(name))


def _joined(parts: Sequence[tuple[str, type]], **namespace: Any) -> type:
    """One config of several, whose flags stand side by side."""
    inline = [(n, Annotated[kind, INLINE], field(default_factory=kind)) for n, kind in parts]
    return make_dataclass("Config", inline, frozen=True, namespace=namespace)


def _about(name: str) -> str:
    """What it does, for its help."""
    from drl.api.find import find_agent

    if is_own(name):
        first = f"Learn an environment by {label(name)}, an agent of your own."
    else:
        help = (AGENTS | TASKS)[name].help
        first = f"{help[0].upper()}{help[1:]}."
    if name in TASKS:
        return f"{first}\n\n{ABOUT_DIGITS}"
    variants = find_agent(name).variants.items()
    switches = [f"  --{word} switches on {variant.help}." for word, variant in variants]
    return f"{first}\n\n{ABOUT_AGENTS}{''.join(switches)}"


ABOUT_AGENTS = """\
Where an environment has a preset, what that sets is told beside the defaults, and no other flag is
needed.  Of two flags between which a value falls, as --lr and --lr-end, one that is given alone
leaves the other as it is, unless the value would rise by it: then both are what is given, and the
value stays.  An environment of Gymnasium's that raises, or hangs for 60 s, is restarted, at most 10
times in a run."""
ABOUT_DIGITS = """\
Each model has a tuned preset for small (8×8) and large images; no other flag is needed."""


def parse(command: str, args: list[str]) -> Any:
    """The config from the words behind `drl train NAME`.

    The environment that is named decides by its preset what goes where no flag is given; so does a
    variant (--rainbow), which can stand with flags that change one of its parts back.
    """
    from drl.cli.help import render
    from drl.cli.parse import known, named
    from drl.cli.parse import parse as parse_with

    name = command.removeprefix("train ")
    kind = config_of(name)
    if name in TASKS:
        recorded = known(Flags, args).config
        if recorded is None:
            return parse_with(kind, command, args)
        task = from_run.digits_of(from_run.settings_of(recorded, name))
        help = partial(render, command, kind, instead=kind(task=task), whose="--config")
        return parse_with(kind, command, args, kind(task=task), help)
    from agents import schedule_ends
    from drl.api.choose import choose
    from drl.api.find import find_agent
    from envs.ids import resolve

    row, tuned = find_agent(name), False
    variants = [variant for word, variant in row.variants.items() if f"--{word}" in args]
    args = [word for word in args if word.removeprefix("--") not in row.variants]
    early = _joined([("environment", EnvFlags), ("flags", Flags)])
    unnamed = EnvFlags(env=env_of(name))
    first = known(early, args, early(environment=unnamed))
    default = first.environment
    if first.flags.config is None:
        agent, experiment = choose(row, resolve(default.env))
        tuned = row.preset(resolve(default.env)) is not None
    else:
        default, agent, experiment = of_run(row, first.flags.config, args)
    for variant in variants:
        agent = variant.apply(agent)
    default = replace(default, env=resolve(default.env))
    of_all = kind(environment=default, experiment=experiment, agent=agent)
    recorded = first.flags.config
    whose = ["--config"] if recorded else [f"{default.env}'s preset"] if tuned else []
    whose += [f"--{word}" for word in row.variants if row.variants[word] in variants]
    help = partial(
        render, command, kind, kind(environment=unnamed), whose=" with ".join(whose),
        instead=of_all if recorded else replace(of_all, environment=unnamed),
    )  # fmt: skip
    config = parse_with(kind, command, args, of_all, help)
    require_effect(row, config.environment, named(args))
    return replace(
        config, environment=replace(config.environment, env=resolve(config.environment.env)),
        agent=schedule_ends.moved(config.agent, named(args)),
    )  # fmt: skip


def require_effect(row: Row, about: EnvFlags, given: Iterable[str]) -> None:
    """UserError where a setting is given beside a part of the user's that takes its place."""
    from drl.api.parts import named_parts, require_no_effectless

    words = own_parts(about)
    if words:
        parts = named_parts(row, words)
        names = {part.name: getattr(parts, part.name) for part in fields(parts)}
        own = {part: name for part, name in names.items() if name is not None}
        require_no_effectless(row, {"parts": own}, given)


def own_parts(about: EnvFlags) -> tuple[str, ...]:
    """The user's own parts, as name=module:thing."""
    return (*(() if about.net is None else (f"net={about.net}",)), *about.parts)


def of_run(row: Row, path: Path, args: list[str]) -> tuple[EnvFlags, Any, Any]:
    """Environment, agent's and training's settings of a run's config.json, with the words that
    name another environment in place of the run's.   UserError where it is none of this agent."""
    from agents import job
    from drl.cli.parse import known

    settings = from_run.settings_of(path, row.name)
    theirs = EnvFlags(**from_run.environment_of(settings))
    given = known(EnvFlags, args, theirs)
    if given.env != theirs.env:  # of another environment these are not
        given = known(EnvFlags, args, replace(theirs, env_kwargs=(), wrapper=()))
    return given, *job.configs(row, settings)


def run(config: Any) -> dict[str, Any]:
    """Train, and give the summary."""
    from drl.api.plan import announce, begin
    from drl.api.rejoin import finished, unfinished
    from drl.api.seeds import sweep
    from drl.cli.console import CommandConsole
    from drl.experiment.run_files import claim_directory, require_place
    from drl.tables import job_of, label

    flags, console = config.flags, CommandConsole(quiet=config.flags.json)
    if flags.resume_or_start and (flags.run is None or flags.seeds != 1):
        raise UserError("--resume-or-start goes on with one run: name it by --run")
    there = flags.run is not None and (flags.run / "config.json").is_file()
    if flags.run is not None and flags.seeds == 1 and not (flags.resume_or_start and there):
        require_place(flags.run)
    plan = plan_of(config)  # what can be wrong has shown, before a file is made
    if flags.resume_or_start:
        if (summary := finished(flags.run, plan, console)) is not None:
            return summary
        if (done := unfinished(flags.run, plan, console)) is not None:
            return done.summary
    if flags.seeds != 1:
        first = plan.settings["seed"]
        return sweep(plan, range(first, first + flags.seeds), flags.run, console)
    announce(plan, console, written=True)
    settings = plan.settings
    what = settings[job_of(settings["job"]).what]
    directory = flags.run or claim_directory(label(settings["job"]), what, settings["seed"])
    return begin(plan, console, directory).summary


def plan_of(config: Any) -> Plan:
    """What is to be trained.   UserError where it cannot be."""
    from drl.api.find import find_agent
    from drl.api.parts import named_parts
    from drl.api.training import plan_rl, plan_supervised

    if config.job in TASKS:
        return plan_supervised(None, config.task, {})
    about = config.environment
    words = own_parts(about)
    parts = named_parts(find_agent(config.job), words) if words else None
    return plan_rl(
        config.job, about.env, config.agent, config.experiment, parts=parts,
        env_kwargs=keywords(about.env_kwargs), wrappers=about.wrapper, init_from=about.init_from,
        chosen_all=config.flags.config is not None,
    )  # fmt: skip


def keywords(words: tuple[str, ...]) -> dict[str, Any]:
    """name=value …: JSON where it is, else text.   UserError on anything else."""
    import json

    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.isidentifier():
            raise UserError(f"--env-kwargs {word!r} is not possible: give name=value")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = {"True": True, "False": False, "None": None}.get(text, text)
    return found
