"""Charts that the story of every agent's run has in TensorBoard's Custom Scalars tab."""

from __future__ import annotations

from drl.log.layout import Layout, Margin


def returns(agent: str, trying: str = "exploring") -> Layout:
    """Returns in training and in evaluations.   trying: how an agent acts in training."""
    return {
        f"{agent}: return": {
            f"return: {trying}, and greedy": ["rollout/ep_rew_mean", "eval/mean_reward"],
            "greedy: mean, worst and best episode": Margin(
                "eval/mean_reward", "eval/min_reward", "eval/max_reward"
            ),
            f"{trying}: mean, worst and best of 100 episodes": Margin(
                "rollout/ep_rew_mean", "rollout/ep_rew_min", "rollout/ep_rew_max"
            ),
        }
    }


def speed(agent: str) -> Layout:
    """Of all that a run does."""
    return {f"{agent}: speed": {"env steps a second": ["time/fps"]}}
