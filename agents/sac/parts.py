"""What a user may put into SAC, TQC, CrossQ or TD3 in place of what their settings would build."""

from __future__ import annotations

from dataclasses import dataclass

from agents.parts import BuildNet, OwnParts, part, schedule
from agents.sac.exploration import Exploration
from drl.nn.schedules import Schedule

NETWORK = ("hidden", "activation", "conv", "init", "scale")


@dataclass(frozen=True)
class SACParts(OwnParts):
    """One's own, each in place of what the settings of SAC, or TQC, would build; None: theirs.

    net         builds the actor's network from an observation's shape and the number of outputs;
                and each critic's unless `critic_net` does
    critic_net  builds each critic's network, from the shape (D + k,) of an observation's D numbers
                with the k of an action behind them, to its values: 1, TQC's `quantiles`
    lr          Adam's learning rate, by updates of the critics; of actor, critics and temperature

    UserError where a schedule cannot be called.
    """

    net: BuildNet | None = part(*NETWORK)
    critic_net: BuildNet | None = part(*NETWORK)
    lr: Schedule | None = schedule("lr", "lr_end", "lr_steps")


@dataclass(frozen=True)
class CrossQParts(SACParts):
    """The same of CrossQ, whose networks need batch renormalisation in them (drl.nn.BatchRenorm):
    without it nothing keeps Q from running away.

    UserError where a schedule cannot be called.
    """

    net: BuildNet | None = part(*NETWORK, "renorm_momentum", "renorm_warm_up")
    critic_net: BuildNet | None = part(*NETWORK, "renorm_momentum", "renorm_warm_up")


@dataclass(frozen=True)
class TD3Parts(SACParts):
    """The same of TD3, and what it tries.

    exploration  the actions tried, given the greedy ones within −1 … 1: an object; or a class,
                 whose object is made of the numbers of an action, of environments, and a generator
                 (agents.sac.exploration.Exploration)

    UserError where a schedule cannot be called.
    """

    exploration: Exploration | type | None = part("action_noise")


NO_PARTS = SACParts()
