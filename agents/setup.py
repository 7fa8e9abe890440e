"""What an agent is built for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drl.encoding import Encoder
from drl.environment import GoalRules


@dataclass(frozen=True)
class Setup:
    """What an agent is built for: its environments, the length of its run, the machine.

    observation_space, action_space  of ONE environment, Gymnasium's own objects
    frame_stack   images in one observation, along its last axis
    reward_range  of one step, as the environment declares it; None: it does not
    steps         env steps of the whole run, for schedules
    record        the environment as a run's settings have it, for policy files; None: unnamed
    encoder       what made observations those of `observation_space`; None: nothing was done
    goal_rules    what the environment pays for goals that it is asked about; None: it has none
    own           the user's own parts, and by what name each is found again; None: there are none
    agent         the agent's name, for policy files
    """

    observation_space: Any
    action_space: Any
    num_envs: int = 1
    seed: int = 1
    steps: int = 100_000
    frame_stack: int = 1
    reward_range: tuple[float, float] | None = None
    backend: str = "auto"
    dtype: str = "float32"
    device: str = "cpu"
    record: Mapping[str, Any] | None = None
    own: Mapping[str, str | None] | None = None
    agent: str = ""
    encoder: Encoder | None = None
    goal_rules: GoalRules | None = None

    @property
    def machine(self) -> dict[str, Any]:
        """What a network computes with: drl.MLP(…, **setup.machine)."""
        return {"backend": self.backend, "dtype": self.dtype, "device": self.device}
