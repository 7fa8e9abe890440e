"""What a user may put into a PQN in place of what its settings would build."""

from __future__ import annotations

from dataclasses import dataclass

from agents.parts import BuildNet, part, schedule
from agents.q_parts import FRONT, QParts
from drl.nn.schedules import Schedule


@dataclass(frozen=True)
class PQNParts(QParts):
    """One's own, each in place of what the settings would build; None: theirs.

    net          builds the network from an observation's shape and the number of outputs; without
                 LayerNorm in it nothing keeps Q from running away (drl.nn.LayerNorm)
    lr           the optimizer's learning rate, by env steps that had been learnt from when the
                 rollout began
    epsilon      probability of a random action, by env steps
    exploration  the actions tried, given the greedy ones: an object; or a class, whose object is
                 made of ε's schedule, the number of actions, of environments, and a generator

    UserError where a schedule cannot be called.
    """

    net: BuildNet | None = part(*FRONT, "layer_norm")
    lr: Schedule | None = schedule("lr", "lr_end", "anneal_steps")


NO_PARTS = PQNParts()
