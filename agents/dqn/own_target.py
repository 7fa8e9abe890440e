"""A target function of the user's own, and a warning where it does not know of masks."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

from agents.dqn.heads import Head, Target
from agents.dqn.targets import Bounded, Munchausen, TargetFunction, double_q_target, q_target
from agents.memory.replay import Batch
from agents.own import called, require_fields
from drl.errors import UserError
from drl.experiment.callbacks import Callback, Experiment
from drl.experiment.task import Update
from drl.nn import Network

OURS = (q_target, double_q_target)


class Noting(Batch):
    """A batch that remembers whether the masks of s′ were looked at, or may have been."""

    looked = False

    def __getattribute__(self, name: str) -> Any:
        if name == "next_mask":
            self.looked = True
        return super().__getattribute__(name)

    def __iter__(self) -> Iterator[Any]:  # unpacked, or copied with something replaced
        self.looked = True
        return super().__iter__()


class OwnTarget:
    """What `function` gives; `ignores_masks` once it had a batch with masks and looked at none."""

    def __init__(self, function: TargetFunction) -> None:
        self.function = function
        self.ignores_masks: bool | None = None  # None: there were no masks yet

    def __call__(self, head: Head, net: Network, target_net: Network, batch: Batch) -> Target:
        if self.ignores_masks is not None or batch.next_mask is None:
            return self.asked(head, net, target_net, batch)
        noting = Noting(*batch)
        target = self.asked(head, net, target_net, noting)
        self.ignores_masks = not noting.looked
        return target

    def asked(self, *given: Any) -> Target:
        """What the function gives.   UserError where it raises, or gives no target of the batch."""
        what, wanted = "your own bootstrap", tuple(given[-1].r.shape)  # (B,)
        target: Target = called(f"{what} failed", "mend it", self.function, *given)
        require_fields(what, target, Target)
        for name in ("r", "discount"):
            found = tuple(getattr(getattr(target, name), "shape", ()))
            if found != wanted:
                raise UserError(f"{what} gives {name} of shape {found}: expected {wanted}")
        return target


def own_target(function: TargetFunction | None) -> TargetFunction | None:
    """With an eye on masks; as it is where it is one of ours, which look at them."""
    if function is None or isinstance(within := unbounded(function), Munchausen) or within in OURS:
        return function
    if not isinstance(function, Bounded):
        return OwnTarget(function)
    bounded = copy(function)  # of a class derived from it, too
    inner = own_target(function.bootstrap)
    assert inner is not None
    bounded.bootstrap = inner
    return bounded


def unbounded(function: TargetFunction) -> TargetFunction:
    """The target function within the bounds, where there are any."""
    while isinstance(function, Bounded):
        function = function.bootstrap
    return function


class IgnoredMasks(Callback):
    """Says once in a process that the target counts on actions that are forbidden."""

    def __init__(self, target: OwnTarget) -> None:
        self.target, self.said = target, False

    def on_update(self, experiment: Experiment, update: Update) -> None:
        """Where it does."""
        if self.target.ignores_masks and not self.said:
            self.said = True
            experiment.warn(
                "your own bootstrap does not look at `batch.next_mask`, and the environment tells "
                "which actions are allowed: a maximum over all of them counts on those that are "
                "forbidden (agents.dqn.targets.best_action takes the mask)"
            )
