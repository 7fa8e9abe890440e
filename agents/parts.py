"""What a user may put into an agent in place of what its settings would build: what is common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Protocol

import numpy as np

from agents.own import called
from agents.setup import Setup
from drl.errors import UserError
from drl.nn import Network, Recurrent
from drl.nn.schedules import Schedule
from drl.raised import said
from drl.state import flag


class BuildNet(Protocol):
    """Builds a network of your own.   partial(MLP, hidden=(32, 32)) is one."""

    def __call__(
        self, shape: tuple[int, ...], outputs: int, /, *, seed: np.random.Generator | int
    ) -> Network:
        """A new network at every call, from inputs of `shape` to `outputs` numbers."""


def part(*settings: str) -> Any:
    """A field that, where it is given, stands in the place of these settings."""
    return field(default=None, metadata={"replaces": settings})


def function(*settings: str) -> Any:
    """The same, of something that is called as a function: a class is none."""
    return field(default=None, metadata={"replaces": settings, "function": True})


def schedule(*settings: str) -> Any:
    """The same, of a function of a step that gives a number."""
    return field(default=None, metadata={"replaces": settings, "function": True, "schedule": True})


@dataclass(frozen=True)
class OwnParts:
    """Base of an agent's `Parts`: a frozen dataclass of fields made by `part`, `function`,
    `schedule`, each None or one's own.

    UserError where what is called as a function cannot be.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None or type(value) is str or "function" not in each.metadata:
                continue
            if isinstance(value, type) or not callable(value):
                shown = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
                raise UserError(
                    f"your own {each.name} is {shown:.80}: give a function, or an object that "
                    "can be called as one"
                )


def require_schedules(parts: OwnParts) -> None:
    """UserError unless each schedule begins with a number from 0 on."""
    for each in fields(parts):
        own: Schedule | None = getattr(parts, each.name)
        if own is None or "schedule" not in each.metadata:
            continue
        try:
            first = float(own(0))
        except Exception as error:
            raise UserError(
                f"your own {each.name} gives no number at step 0 ({said(error)}): it is a function "
                "of the step"
            ) from error
        if not 0 <= first < np.inf:
            raise UserError(
                f"your own {each.name} gives {first} at step 0: give a number from 0 on"
            )


class Nets(NamedTuple):
    """What builds the networks of a policy, by the names of the parts; None: the settings do.

    net         the network, or the actor's
    critic_net  the critic's; None: `net`, if there is one
    """

    net: BuildNet | None = None
    critic_net: BuildNet | None = None

    @property
    def of_critic(self) -> BuildNet | None:
        """What builds the critic's."""
        return self.critic_net or self.net


NO_NETS = Nets()
OwnNets = Mapping[str, bool | str]
"""Of the networks that are the user's own: part → its name; True: it has none."""


def nets_of(parts: OwnParts) -> Nets:
    """Those among an agent's parts.   UserError where the critic's comes alone."""
    nets = Nets(**{name: getattr(parts, name, None) for name in Nets._fields})
    if nets.critic_net is not None and nets.net is None:
        raise UserError(
            "your own critic_net comes without a net: give net= too, which builds the actor's"
        )
    return nets


def own_nets(setup: Setup, nets: Nets) -> OwnNets:
    """Which networks are the user's own, by the names that the setup has."""
    names = setup.own or {}
    given = {name for name, build in nets._asdict().items() if build is not None}
    return {name: names.get(name) or True for name in Nets._fields if name in given}


def saved_nets(
    about: Mapping[str, Any], where: str, net: BuildNet | None, critic_net: BuildNet | None = None
) -> tuple[Nets, OwnNets]:
    """What builds the networks of a policy that `SavedPolicy.settings` gave, read from `where`;
    and which of them are the user's own.

    UserError where one is the user's own and is not given, or is given and is not; an error of
    drl.state.UNFIT where it is damaged.
    """
    given, own = Nets(net, critic_net)._asdict(), dict[str, bool | str]()
    for name, build in given.items():
        key = f"own_{name}"
        found = about.get(key, False)
        own[name] = found if isinstance(found, str) else key in about and flag(about, key)
        of = "" if name == "net" else " for its critic"
        if build is not None and not own[name]:
            raise UserError(
                f"{where} was trained without a network of your own{of}: leave out {name}="
            )
        if own[name] and build is None:
            named = f", {found}" if isinstance(found, str) else ""
            raise UserError(
                f"{where} was trained with a network of your own{of}{named}: give it as {name}="
            )
    return Nets(net, critic_net), own


def sized(
    net: BuildNet, shape: tuple[int, ...], outputs: int, seed: np.random.Generator | int
) -> Network:
    """A network of the user's own, from inputs of `shape` to `outputs` numbers.

    UserError where none is built; ValueError where it gives another number.
    """
    made = called(
        "your own network cannot be built", "it is asked for by net(shape, outputs, seed=…)",
        net, shape, outputs, seed=seed,
    )  # fmt: skip
    if not isinstance(made, Network):
        raise UserError(
            f"your own network is a {type(made).__name__}: give a function that builds one of "
            "drl.nn, such as drl.MLP"
        )
    if made.output_shapes[-1] != (outputs,):
        found = made.output_shapes[-1]
        raise ValueError(f"your own network gives {found}, the agent needs ({outputs},)")
    return made


def built(
    net: BuildNet, shape: tuple[int, ...], outputs: int, seed: np.random.Generator | int,
    recurrent: bool = False,
) -> Network:  # fmt: skip
    """The same, of an agent that has no condition to give.

    recurrent  whether it may carry a state

    ValueError where it takes a condition, or carries a state that nobody keeps.
    """
    made = sized(net, shape, outputs, seed)
    if made.conditional:
        raise ValueError("your own network takes a condition besides x, which the agent has not")
    if isinstance(made, Recurrent) and not recurrent:
        raise ValueError("your own network carries a state from step to step: PPO and A2C keep one")
    return made
