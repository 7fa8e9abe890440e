"""Whether Q promises what the policy then earns."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.dqn.agent import DQN
from agents.dqn.metrics import q_values
from drl.environment import Info, Step, VectorEnv


class ValueBias:
    """max_a Q(s₀, a) beside G = Σ_{t<T} γᵗ r_t + γᵀ(1 − terminated) max_a Q(s_T, a).

    van Hasselt et al. 2016, section 3 and figure 3: a Q that promises more than the greedy policy
    earns is overestimated.  The last term is there where the clock cut the episode: the environment
    would have gone on, and Q is about that too.

    It stands between an evaluation and its environments, and looks at the first episode of each.
    Rewards are those the agent learns from (clipped where its are), in the environment's units.
    """

    def __init__(self, agent: DQN, envs: VectorEnv) -> None:
        self.agent, self.envs = agent, envs
        self.id, self.num_envs, self.restarts = envs.id, envs.num_envs, envs.restarts

    def reset(self) -> tuple[np.ndarray, Info]:
        obs, info = self.envs.reset()
        self.promised = q_values(self.agent, obs).max(axis=1)  # (N,)
        self.rewards: list[np.ndarray] = []  # (N,) each step
        self.terminated: list[np.ndarray] = []
        self.truncated: list[np.ndarray] = []
        self.cut: list[tuple[int, np.ndarray, np.ndarray]] = []  # t, which (N,), their s_T
        self.invalid = np.zeros(self.num_envs, bool)  # environments that failed on the way
        return obs, info

    def step(self, actions: np.ndarray) -> Step:
        moved = self.envs.step(actions)
        # kept as it comes, summed at the end: a step of an evaluation takes but microseconds
        self.rewards.append(moved.reward)
        self.terminated.append(moved.terminated)
        self.truncated.append(moved.truncated)
        if moved.invalid is not None:
            self.invalid |= moved.invalid
        if np.count_nonzero(moved.truncated):  # any() takes ten times as long
            which = moved.truncated & ~moved.terminated
            self.cut.append((len(self.rewards), which, moved.final_obs[which]))
        return moved

    def earned(self) -> np.ndarray:
        """G (N,); NaN where the first episode has not ended."""
        agent, gamma = self.agent, self.agent.nstep.gamma
        rewards, terminated, truncated = (  # (T, N)
            np.concatenate(rows).reshape(-1, self.num_envs)
            for rows in (self.rewards, self.terminated, self.truncated)
        )
        rewards = np.clip(rewards * agent.reward_scale, -agent.reward_clip, agent.reward_clip)
        ends = terminated | truncated
        length = np.where(ends.any(axis=0), ends.argmax(axis=0) + 1, 0)  # (N,) agent steps
        first = np.arange(len(ends))[:, None] < length
        total: np.ndarray = gamma ** np.arange(len(ends)) @ (rewards * first) / agent.reward_scale
        for t, which, s in self.cut:
            own = np.flatnonzero(which)
            rest = gamma**t * q_values(agent, s).max(axis=1)
            total[own] += np.where(length[own] == t, rest, 0.0)
        total[(length == 0) | self.invalid] = np.nan
        return total

    def scalars(self) -> dict[str, float]:
        """Means over the first episodes, by TensorBoard name; nothing where none has ended."""
        earned = self.earned()
        known = np.isfinite(earned)
        if not known.any():
            return {}
        return {
            "eval/q_estimated": float(self.promised[known].mean()),
            "eval/q_realised": float(earned[known].mean()),
        }

    def state(self) -> dict[str, Any] | None:
        return self.envs.state()

    def load_state(self, state: dict[str, Any]) -> None:
        self.envs.load_state(state)
