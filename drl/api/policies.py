"""Policies from files and runs, whichever agent has learnt them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from agents.parts import Nets
from agents.policy import SavedPolicy
from agents.row import Row
from drl import named
from drl.api.console import Silent
from drl.api.export import FORMATS
from drl.api.find import recorded_agent
from drl.api.parts import say_code
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.experiment.run import Run
from drl.state import UNFIT
from drl.tables import TASKS


def load_policy(
    path: str | Path, net: Any = None, agent: Any = None, critic_net: Any = None
) -> SavedPolicy:
    """The policy in a file: what `policy.save` wrote, or a run's checkpoint; or the best policy of
    a run's directory.

    net         builds the network, where the policy was trained with one of your own
                (agents.Parts.net) that the file does not name: a function, or its name
                ("my_nets.py:wide")
    agent       of your own, where no file holds it
    critic_net  builds the critic's, where that is another one of your own
                (agents.SACParts.critic_net)

    UserError where there is no such file, it is damaged, no policy, or of another network.
    """
    console, (state, where) = Silent(), _found(Path(path))
    given = {"net": net, "critic_net": critic_net}
    nets = {name: build for name, build in given.items() if build is not None}
    return _read(state, where, console, _named_nets(state, console, nets) | nets, agent)


def policy_at(
    path: Path, console: Console, given: Mapping[str, Any] | None = None
) -> SavedPolicy:  # fmt: skip
    """The best policy of a run's directory, or that of a file, with the networks that it names.

    console  where it is said what code is run that the file names
    given    part → what builds the network, where it is one's own and nothing names it

    UserError where there is none.
    """
    state, where = _found(path)
    about = state.get("policy")
    own = about if isinstance(about, dict) else {}
    nets = {part: build for part, build in (given or {}).items() if own.get(f"own_{part}")}
    return _read(state, where, console, nets | _named_nets(state, console))


def _found(path: Path) -> tuple[Mapping[str, Any], str]:
    """What `SavedPolicy.state` gave, and where it is, for messages.   UserError where it is not."""
    if path.is_dir():
        with Run.open(path) as run:
            if run.job in TASKS:
                raise UserError(f"{path} is a {run.job} run, which has no policy")
            return run.load_best(), f"the best policy of {path}"
    try:
        state = checkpoint.load(path)
    except checkpoint.Damaged as error:
        if path.suffix not in FORMATS:
            raise
        raise UserError(
            f"{path} is an export, for other programs: give the run's directory, or what "
            "policy.save wrote"
        ) from error
    if "task" in state:  # a run's, of all that its future depends on
        state = state["model"]
        if not isinstance(state, dict) or "policy" not in state:
            raise UserError(f"{path} is of a run that has no policy")
    return state, str(path)


def _named_nets(
    state: Mapping[str, Any], console: Console, given: Collection[str] = ()
) -> dict[str, str]:
    """By which names the policy's own networks are found: part → name.

    given  parts that need none
    """
    about, found = state.get("policy"), {}
    for part in Nets._fields if isinstance(about, dict) else ():
        name = about.get(f"own_{part}")  # type: ignore[union-attr]
        if isinstance(name, str) and part not in given:
            say_code(name, "the policy's own network", console)
            found[part] = name
    return found


def _read(
    state: Mapping[str, Any], where: str, console: Console, nets: Mapping[str, Any],
    agent: Any = None,
) -> SavedPolicy:  # fmt: skip
    try:
        name = str(state["policy"].get("agent", "dqn"))  # format 3 knew DQN alone
    except UNFIT as error:
        raise UserError(f"{where} holds no policy that fits ({error})") from error
    return policy_of(state, where, recorded_agent(name, console, agent), nets)


def policy_of(
    state: Mapping[str, Any], where: str, row: Row, nets: Mapping[str, Any] | None = None,
    backend: str = "auto", device: str = "cpu",
) -> SavedPolicy:  # fmt: skip
    """From what `SavedPolicy.state` gave, read from `where`.

    nets  part → what builds the network, where it is one of the user's own: a function, or its name

    UserError where it does not fit.
    """
    found = {
        part: named.thing(build) if isinstance(build, str) else build
        for part, build in (nets or {}).items()
    }
    try:
        return row.policy_of(state, where, found, backend, device)
    except UserError:
        raise
    except UNFIT as error:
        raise UserError(f"{where} holds no policy that fits ({error})") from error
