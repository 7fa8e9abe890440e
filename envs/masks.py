"""Which actions are allowed, of environments that say so one by one."""

from __future__ import annotations

import numpy as np

from drl.environment import Info
from drl.errors import EnvFailed
from envs.guarded import Failed, Guarded


def gathered(envs: list[Guarded], last: dict[int, np.ndarray | None]) -> Info:
    """{"action_mask": (N, A) bool} of the newest observations; where episodes have ended, with
    "final_action_mask" of the final observations.

    last  masks of the final observations by env; None where it gave none there: all ones, since
          nothing is chosen where the environment has ended

    EnvFailed where one gives no mask.
    """
    now = np.empty((len(envs), envs[0].mask_size or 0), np.bool_)
    for i, env in enumerate(envs):
        try:
            mask = env.mask()
        except Failed as error:
            raise EnvFailed(f"{error}: mend the env") from error
        if mask is None:
            raise EnvFailed(
                f"{env.name} gave no action mask in a step, but one in the first reset: mend the "
                "env"
            )
        now[i] = mask
    if not last:
        return {"action_mask": now}
    final = now.copy()
    for i, mask in last.items():
        final[i] = True if mask is None else mask
    return {"action_mask": now, "final_action_mask": final}
