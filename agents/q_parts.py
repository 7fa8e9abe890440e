"""What a user may put into an agent that chooses by Q(s, a), DQN or PQN."""

from __future__ import annotations

from dataclasses import dataclass

from agents.exploration import Exploration
from agents.parts import BuildNet, OwnParts, part, schedule
from drl.nn.schedules import Schedule

EPSILON = ("epsilon_start", "epsilon_end", "epsilon_steps", "epsilon_fraction")
FRONT = ("hidden", "activation", "conv", "init", "scale")  # what decides a network's layers


@dataclass(frozen=True)
class QParts(OwnParts):
    """Each in place of what the settings would build; None: theirs.

    net          builds the network from an observation's shape and the number of outputs; what
                 layers it has is then its own affair
    epsilon      probability of a random action, by env steps
    exploration  the actions tried, given the greedy ones: an object; or a class, whose object is
                 made of ε's schedule, the number of actions, of environments, and a generator

    UserError where a schedule cannot be called.
    """

    net: BuildNet | None = part(*FRONT)
    epsilon: Schedule | None = schedule(*EPSILON)
    exploration: Exploration | type | None = part(*EPSILON)
