"""What a user may put into a DQN in place of what its settings would build."""

from __future__ import annotations

from dataclasses import dataclass

from agents.dqn.targets import TargetFunction
from agents.exploration import Exploration
from agents.parts import BuildNet, function, part, schedule
from agents.q_parts import EPSILON, FRONT, QParts
from drl.nn.schedules import Schedule


@dataclass(frozen=True)
class Parts(QParts):
    """One's own, each in place of what the settings would build; None: theirs.

    net          builds the network from an observation's shape and the number of outputs, called
                 for θ and for θ⁻; hidden, conv, scale, dueling, noisy are then its own affair
    bootstrap    the target of an update: a function as in agents.dqn.targets
    lr           Adam's learning rate, by updates
    epsilon      probability of a random action, by env steps
    exploration  the actions tried, given the greedy ones: an object; or a class, whose object is
                 made of ε's schedule, the number of actions, of environments, and a generator

    UserError where a schedule or a target cannot be called.
    """

    net: BuildNet | None = part(*FRONT, "dueling", "noisy_sigma")
    bootstrap: TargetFunction | None = function(
        "bootstrap", "munchausen_alpha", "munchausen_temperature", "value_bound"
    )
    lr: Schedule | None = schedule("lr", "lr_end", "lr_steps", "lr_fraction")
    exploration: Exploration | type | None = part(*EPSILON, "ez_mu")


NO_PARTS = Parts()
