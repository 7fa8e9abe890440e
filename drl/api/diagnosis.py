"""`doctor`: is the agent sound, and is the environment?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drl.api.find import find_agent
from drl.api.findings import Report
from drl.errors import UserError
from drl.state import shared_generators_kept


def doctor(
    env: Any = None, agent: Any = "dqn", *, env_kwargs: dict[str, Any] | None = None,
    wrappers: Sequence[Any] = (), seed: int = 1,
) -> Report:  # fmt: skip
    """What is broken where, in plain words: `print(drl.doctor())`.

    Without an environment the agent is trained, in seconds, on a ladder of probe environments
    (envs.probes), each of which needs one thing more than the last; its values are held against the
    known ones.  The first rung that fails says what is broken.

    With one, the environment is examined: spaces, Gymnasium's checker, arrays that are used again,
    the scales of observations and rewards in random play, ends of episodes, NaN, whether it repeats
    itself by seed and by replay, masks, speed; and what would help the agent there.

    env         as `train` takes it
    agent       "dqn", or one of your own
    env_kwargs  for the constructor of the environment
    wrappers    classes, or "module:Class", around it
    seed        of everything random

    UserError where the environment cannot be made, or the agent is none.
    """
    from drl.api.ladder import climb  # training needs no probes

    row = find_agent(agent)
    with shared_generators_kept():
        if env is None:
            if env_kwargs or wrappers:
                raise UserError("env_kwargs and wrappers belong to an environment: give `env`")
            return climb(row, seed)
        from drl.api.examine import examine
        from envs.sources import source

        return examine(source(env, env_kwargs, wrappers), row, seed)
