"""`drl doctor`: what is broken where, in an agent or in an environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Config:
    """Find what is broken where: in an agent, or with --env in an environment.

    Without --env the agent is trained on a ladder of probe environments, each of which needs one
    thing more than the last, and its values are held against the known ones.  With --env the
    environment is examined in random play, by Gymnasium's checker, and by repeating it.

    Exit code 0 where nothing is broken, 1 where the agent fails on a rung or the environment breaks
    the API.
    """

    env: str | None = None
    """Environment to examine, as train takes it: an id, module:Id or file.py:Class."""
    agent: str = "dqn"
    """The agent: dqn, or one of yours, my_agent.py."""
    env_kwargs: tuple[str, ...] = ()
    """For the environment's constructor: name=value …; values are JSON, or text."""
    wrapper: tuple[str, ...] = ()
    """Wrappers around the environment, in this order: module:Class or file.py:Class."""
    seed: int = 1
    """Of everything random."""
    json: bool = False
    """Print what was found as one JSON object on the last line."""


def run(config: Config) -> dict[str, Any]:
    """Examine, print, and give what was found."""
    from drl.api.diagnosis import doctor
    from drl.cli.console import CommandConsole
    from drl.cli.train import keywords

    report = doctor(
        config.env, config.agent, env_kwargs=keywords(config.env_kwargs),
        wrappers=config.wrapper, seed=config.seed,
    )  # fmt: skip
    console = CommandConsole(quiet=config.json)
    for line in str(report).splitlines():
        console.print(line)
    return report.plain()
