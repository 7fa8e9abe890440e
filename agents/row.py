"""What a family of agents offers: a module with these names, ours or the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, NamedTuple

from agents.agent import Agent
from agents.config import ExperimentConfig
from agents.parts import OwnParts
from agents.policy import SavedPolicy, setup_from
from agents.setup import Setup
from drl.action_space import kind_of_actions
from drl.actions import Unsuited
from drl.errors import UserError
from drl.nearest import listed
from drl.settings import read
from drl.spaces import words
from drl.tables import AGENTS, label, unknown_agent


class Preset(NamedTuple):
    """Tuned settings: of the agent, and of its training."""

    config: Any
    experiment: ExperimentConfig


class Variant(NamedTuple):
    """Several settings under one name, as --rainbow."""

    apply: Callable[[Any], Any]  # config → config
    help: str


@dataclass(frozen=True)
class Row:
    """An agent of the table, or one of the user's own.

    A module has at least `Config` and `build`; what it leaves out is as here.
    """

    name: str
    """As settings and files name it."""
    config: type
    """`Config`, a frozen dataclass: everything that decides what is learnt, but for environment,
    seed and length."""
    build: Callable[..., Agent]
    """`build(config, setup)`, with `parts=` where the agent takes some.  UserError or ValueError
    where settings and spaces do not fit."""
    load_policy: Callable[..., SavedPolicy] | None = None
    """`load_policy(state, where, backend="auto", device="cpu")`, from what `SavedPolicy.state`
    gave, and `net=`, `critic_net=` besides where its parts have them; none: `build` makes an agent,
    whose policy is given the parameters."""
    preset: Callable[[str], Preset | None] = lambda env_id: None
    """`preset(env_id)`: tuned settings; None where there are none."""
    presets: Mapping[str, Preset] = field(default_factory=dict)
    """`PRESETS`: those that are of one environment each, by its id."""
    resolve: Callable[[Any, Setup], tuple[Any, list[str]]] = lambda config, setup: (config, [])
    """`resolve(config, setup)`: the settings of a new run, complete, and a line on each thing that
    was left open."""
    require_room: Callable[[Agent, Any], None] = lambda agent, config: None
    """`require_room(agent, config)`: MemoryError unless the machine has room for what fills."""
    callbacks: Callable[..., Sequence[Any]] = lambda task, config, setup: ()
    """`callbacks(task, config, setup)`: warnings that only the agent knows."""
    warnings: Callable[[Any, ExperimentConfig], list[str]] = lambda config, experiment: []
    """`warnings(config, experiment)`: what is to be said of settings that are allowed."""
    read: Callable[[Mapping[str, Any]], Any] | None = None
    """`from_settings(settings)`: the config from a run's JSON; none: by its fields."""
    added: Mapping[str, Any] = field(default_factory=dict)
    """`ADDED`: settings that files of earlier versions lack, and what was done when there were
    none; of an agent without `from_settings`."""
    parts: type | None = None
    """`Parts`: a dataclass of what the user may put in place of what the settings would build."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """`FIXED`: settings that a run which goes on cannot change, and why."""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    """`VARIANTS`."""
    charts: Mapping[str, Any] = field(default_factory=dict)
    """`CHARTS`: which of its curves belong into one chart."""
    remedy: str = "train anew with other settings"
    """`REMEDY` of divergence."""
    actions: tuple[str, ...] | None = None
    """`ACTIONS`: kinds of action spaces (drl.action_space.KINDS) that it can have; none: it does
    not say, and `build` has to look."""
    instead: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    """`INSTEAD`: a setting of its own, and a value, by which it can have another kind too."""

    def made(self, config: Any, setup: Setup, parts: Any = None) -> Agent:
        """What it builds.   UserError where it cannot have the actions, with who can; else what
        `build` raises."""
        refusal = self.refused(config, setup.action_space)
        if refusal is not None:
            raise UserError(refusal)
        try:
            return self.build(config, setup, **({} if parts is None else {"parts": parts}))
        except Unsuited as error:
            others = self._others(kind_of_actions(setup.action_space))
            raise UserError(f"{error}: {_advice(others) or 'choose another env'}") from error

    def refused(self, config: Any, action_space: Any) -> str | None:
        """Why it cannot have these actions, and what can; None where it can."""
        kind = kind_of_actions(action_space)
        setting, value = self.instead.get(kind, ("", None))
        if self.actions is None or kind in self.actions or getattr(config, setting, None):
            return None
        takes, found = listed(list(self.actions), "and"), words(action_space)
        advice = _advice(self._others(kind), f"`{setting}={value}`" if setting else "")
        return (
            f"{label(self.name)} takes {takes} actions, found {found}: "
            f"{advice or 'choose another env'}"
        )

    def _others(self, kind: str) -> list[str]:
        """Agents of the table that take such actions."""
        rows = [find_row(name) for name in AGENTS if name != self.name]
        return [row.name for row in rows if row.actions is not None and kind in row.actions]

    def config_of(self, settings: Mapping[str, Any]) -> Any:
        """The config from its JSON form, among other settings.   UserError where it is damaged."""
        return (self.read or partial(read, self.config, added=self.added))(settings)

    def policy_of(
        self, state: Mapping[str, Any], where: str, nets: Mapping[str, Any] | None = None,
        backend: str = "auto", device: str = "cpu",
    ) -> SavedPolicy:  # fmt: skip
        """From what `SavedPolicy.state` gave, read from `where`.

        nets  part → what builds the network, where the policy was trained with the user's own

        UserError, or an error of drl.state.UNFIT, where it does not fit, or where a network is
        given to an agent whose parts have none.
        """
        own, known = dict(nets or {}), {part.name for part in fields(self.parts or OwnParts)}
        for name in own:
            if name not in known:
                what = "network" if name == "net" else name
                raise UserError(
                    f"the agent {label(self.name)} takes no {what} of your own: leave out {name}="
                )
        if self.load_policy is not None:
            return self.load_policy(state, where, backend=backend, device=device, **own)
        config = self.config_of(state["policy"]["settings"])
        policy = self.made(config, setup_from(state, backend, device)).policy()
        policy.net.restore(state)
        return policy


OPTIONAL = {
    "load_policy": "load_policy", "preset": "preset", "presets": "PRESETS", "resolve": "resolve",
    "require_room": "require_room", "callbacks": "callbacks", "warnings": "warnings",
    "read": "from_settings", "added": "ADDED", "fixed": "FIXED", "parts": "Parts",
    "variants": "VARIANTS", "charts": "CHARTS", "remedy": "REMEDY", "actions": "ACTIONS",
    "instead": "INSTEAD",
}  # fmt: skip


def _advice(agents: Sequence[str], setting: str = "") -> str:
    """What else helps; empty where nothing does."""
    ways = [f"try {listed(list(agents))}"] if agents else []
    if setting:
        ways.append(setting if ways else f"give {setting}")
    return ", or ".join(ways)


def row_of(name: str, module: Any) -> Row:
    """The row that a module offers.   UserError where it lacks what each must have."""
    for needed in ("Config", "build"):
        if not hasattr(module, needed):
            raise UserError(
                f"{name.removeprefix(':')} is no agent: it has no {needed!r}; an agent is a "
                "module, a class or an object with Config and build(config, setup)"
            )
    offered = {ours: getattr(module, its) for ours, its in OPTIONAL.items() if hasattr(module, its)}
    return Row(name, module.Config, module.build, **offered)


def find_row(name: str) -> Row:
    """Of an agent in the table.   UserError on another name."""
    if name not in AGENTS:
        raise unknown_agent(name, AGENTS)
    return row_of(name, importlib.import_module(AGENTS[name].module))
