"""What TensorBoard's Custom Scalars tab tells of a run, in categories that agents share.

TensorBoard puts the charts of all runs of a directory below each other, and a chart draws each run
that has its tags.  So a category is the same in every agent that has it, TensorBoard shows it once,
and its tags are of no other agent: runs of several agents meet where they can be compared.
"""

from __future__ import annotations

from drl.log.layout import Layout, Margin, Prefix

RETURN: Layout = {  # of every agent
    "return": {
        "return: in training, and greedy": ["rollout/ep_rew_mean", "eval/mean_reward"],
        "value estimated at the start of an episode, and the return then realised": [
            "eval/q_estimated", "eval/q_realised"
        ],
        "greedy: mean, worst and best episode": Margin(
            "eval/mean_reward", "eval/min_reward", "eval/max_reward"
        ),
        "in training: mean, worst and best of 100 episodes": Margin(
            "rollout/ep_rew_mean", "rollout/ep_rew_min", "rollout/ep_rew_max"
        ),
    }
}  # fmt: skip
Q: Layout = {  # where Q(s, a) is learnt
    "Q": {
        "Q on the batch": ["train/q_mean", "train/q_max"],
        "TD error": ["train/td_error_abs"],
    }
}
CHOICE: Layout = {  # where the best of some actions is taken by it
    "choosing by Q": {
        "action gap: how much the choice matters": ["train/action_gap"],
        "exploration: ε": ["rollout/exploration_rate"],
    }
}
NETWORK: Layout = {  # where one loss moves one network
    "network": {
        "loss": ["train/loss"],
        "dead ReLUs by layer": [Prefix("train/dead_relu/")],
    }
}
TRAINING: Layout = {  # of every agent
    "training": {
        "gradient norm": ["train/grad_norm"],
        "learning rate": ["train/learning_rate"],
        "step size ‖Δθ‖/‖θ‖ by layer": [Prefix("train/update_ratio/")],
        "env steps a second": ["time/fps"],
    }
}
