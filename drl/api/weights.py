"""A training that begins with the weights of another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drl.api.console import Silent
from drl.api.policies import policy_at
from drl.errors import UserError
from drl.experiment.curves import checksum
from drl.spaces import same, words


def init_from(
    task: Any, source: str | Path, nets: Mapping[str, Any] | None = None, crc32: int | None = None
) -> int:
    """The weights of a run's best policy, or of a policy file, for an agent that is new; their
    checksum.

    nets   part → what builds the network, where the policy was trained with the user's own
    crc32  of what it began with the first time; None: this is the first

    UserError where they do not fit, the agent takes none, or they are others by now.
    """
    policy, agent = policy_at(Path(source), Silent(), nets), task.agent
    if not hasattr(agent, "init_from"):
        raise UserError(f"the agent {task.job} cannot begin with other weights (no init_from)")
    mine = agent.policy()
    if policy.agent != mine.agent:
        raise UserError(f"{source} is a policy of {policy.agent}, not of {mine.agent}")
    if not (
        same(mine.observation_space, policy.observation_space)
        and same(mine.action_space, policy.action_space)
    ):
        raise UserError(
            f"{source} has learnt {words(policy.action_space)} for "
            f"{words(policy.observation_space)}, {task.title} has {words(mine.action_space)} for "
            f"{words(mine.observation_space)}"
        )
    found = checksum(policy.net)
    if crc32 is not None and found != crc32:
        raise UserError(
            f"{source} has other weights by now than those that the run began with: put them back, "
            "or train anew"
        )
    try:
        agent.init_from(policy)
    except ValueError as error:
        raise UserError(
            f"the weights of {source} do not fit these settings ({error}): train with those that "
            "it was trained with"
        ) from error
    return found
