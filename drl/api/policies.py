"""Policies from files and runs, whichever agent has learnt them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.policy import SavedPolicy
from agents.row import Row
from drl import named
from drl.api.console import Silent
from drl.api.find import recorded_agent
from drl.api.parts import say_code
from drl.display.console import Console
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.experiment.run import Run
from drl.state import UNFIT
from drl.tables import TASKS


def load_policy(path: str | Path, net: Any = None, agent: Any = None) -> SavedPolicy:
    """The policy in a file: what `policy.save` wrote, or a run's checkpoint; or the best policy of
    a run's directory.

    net    builds the network, where the policy was trained with one of your own (agents.Parts.net)
           that the file does not name: a function, or its name ("my_nets.py:wide")
    agent  of your own, where no file holds it

    UserError where there is no such file, it is damaged, no policy, or of another network.
    """
    console, (state, where) = Silent(), _found(Path(path))
    own = _named_net(state, console) if net is None else net
    return _read(state, where, console, own, agent)


def policy_at(path: Path, console: Console, given: Any = None) -> SavedPolicy:
    """The best policy of a run's directory, or that of a file, with the network that it names.

    console  where it is said what code is run that the file names
    given    builds the network, where nothing names it

    UserError where there is none.
    """
    state, where = _found(path)
    return _read(state, where, console, _named_net(state, console) or given)


def _found(path: Path) -> tuple[Mapping[str, Any], str]:
    """What `SavedPolicy.state` gave, and where it is, for messages.   UserError where it is not."""
    if path.is_dir():
        with Run.open(path) as run:
            if run.job in TASKS:
                raise UserError(f"{path} is a {run.job} run, which has no policy")
            return run.load_best(), f"the best policy of {path}"
    state = checkpoint.load(path)
    if "task" in state:  # a run's, of all that its future depends on
        state = state["model"]
        if not isinstance(state, dict) or "policy" not in state:
            raise UserError(f"{path} is of a run that has no policy")
    return state, str(path)


def _named_net(state: Mapping[str, Any], console: Console) -> str | None:
    """By which name the policy's own network is found; None: it has none, or nothing names it."""
    about = state.get("policy")
    net = about.get("own_net") if isinstance(about, dict) else None
    if not isinstance(net, str):
        return None
    say_code(net, "the policy's own network", console)
    return net


def _read(
    state: Mapping[str, Any], where: str, console: Console, net: Any, agent: Any = None
) -> SavedPolicy:
    try:
        name = str(state["policy"].get("agent", "dqn"))  # format 3 knew DQN alone
    except UNFIT as error:
        raise UserError(f"{where} holds no policy that fits ({error})") from error
    return policy_of(state, where, recorded_agent(name, console, agent), net)


def policy_of(
    state: Mapping[str, Any], where: str, row: Row, net: Any = None, backend: str = "auto",
    device: str = "cpu",
) -> SavedPolicy:  # fmt: skip
    """From what `SavedPolicy.state` gave, read from `where`.

    net  builds the network, where it is one of the user's own: a function, or its name

    UserError where it does not fit.
    """
    net = named.thing(net) if isinstance(net, str) else net
    try:
        return row.policy_of(state, where, net, backend, device)
    except UserError:
        raise
    except UNFIT as error:
        raise UserError(f"{where} holds no policy that fits ({error})") from error
