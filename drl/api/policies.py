"""Policies from files and runs, whichever agent has learnt them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.policy import SavedPolicy
from drl import named
from drl.api.choose import find_agent
from drl.errors import UserError
from drl.experiment import checkpoint
from drl.experiment.run import Run
from drl.state import UNFIT


def load_policy(path: str | Path, net: Any = None) -> SavedPolicy:
    """What `policy.save` wrote, or a run's checkpoints/best.safetensors.

    net  builds the network, where the policy was trained with one of your own (agents.Parts.net):
         a function, or its name ("my_nets.py:wide")

    UserError where there is no such file, it is damaged, no policy, or of another network.
    """
    return policy_of(checkpoint.load(Path(path)), str(path), net)


def policy_at(path: Path) -> SavedPolicy:
    """The best policy of a run's directory, or a policy's file.   UserError where there is none."""
    if path.is_dir():
        with Run.open(path) as run:
            return policy_of(run.load_best(), f"the best policy of {path}")
    return load_policy(path)


def policy_of(
    state: Mapping[str, Any], where: str, net: Any = None, backend: str = "auto",
    device: str = "cpu",
) -> SavedPolicy:  # fmt: skip
    """From what `SavedPolicy.state` gave, read from `where`.   UserError where it is none."""
    net = named.thing(net) if isinstance(net, str) else net
    try:
        row = find_agent(state["policy"].get("agent", "dqn"))  # format 3 knew DQN alone
        if row.load_policy is None:
            raise UserError(f"{where}: the agent {row.name} has no load_policy")
        return row.load_policy(state, where, net, backend, device)
    except UserError:
        raise
    except UNFIT as error:
        raise UserError(f"{where} holds no policy that fits ({error})") from error
