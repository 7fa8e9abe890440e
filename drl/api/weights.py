"""A training that begins with the weights of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drl.api.console import Silent
from drl.api.policies import policy_at
from drl.errors import UserError
from drl.spaces import same, words


def init_from(task: Any, source: str | Path) -> None:
    """The weights of a run's best policy, or of a policy file, for an agent that is new.

    UserError where they do not fit, or the agent takes none.
    """
    policy, agent = policy_at(Path(source), Silent()), task.agent
    if not hasattr(agent, "init_from"):
        raise UserError(f"the agent {task.job} cannot begin with other weights (no init_from)")
    mine = agent.policy()
    if not (
        same(mine.observation_space, policy.observation_space)
        and same(mine.action_space, policy.action_space)
    ):
        raise UserError(
            f"{source} has learnt {words(policy.action_space)} for "
            f"{words(policy.observation_space)}, {task.title} has {words(mine.action_space)} for "
            f"{words(mine.observation_space)}"
        )
    try:
        agent.init_from(policy)
    except ValueError as error:
        raise UserError(
            f"the weights of {source} do not fit these settings ({error}): train with those that "
            "it was trained with"
        ) from error
