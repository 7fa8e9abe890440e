"""Tuned settings for Gymnasium's toy_text, whose states can be counted: each with why.

What they have in common.  Exploration falls over most of the run: a state that was never tried has
no value, and replay does not mind whose actions they were.  lr falls to a hundredth or less: the
greedy action is the largest of Q, and at the end the differences have to be exact, not the values.
Rewards are scaled so that TD errors are within ±1, the cliff's −100 aside: Huber's loss is the
square there, and outside a median is learnt, not a mean.  The optimum of each, by dynamic
programming: tests/optimal.py.
"""

from __future__ import annotations

from agents.dqn.config import DQNConfig
from agents.presets import tuned_for
from agents.row import Preset

tuned = tuned_for(DQNConfig)

# Two steps of three slip aside.  γ 0.99: the best policy for it is the best within 100 steps
#   too, and is further ahead of the second best than with 0.95 or 0.999; without slips it walks.
FROZEN_LAKE = tuned(
    steps=50_000,
    num_envs=16,
    hidden=(64,),
    gamma=0.99,
    lr=1e-3,
    lr_end=1e-5,
    updates_per_step=0.5,
    epsilon_end=0.1,
    epsilon_fraction=0.8,
    eval_every=5_000,
    eval_episodes=100,
    v_min=0.0,
    v_max=1.0,
)

# Random steps get to the far corner once in 526 episodes.
# γ 0.995: with 0.99 the best policy is worth 0.863 within 200 steps, so 0.894.
FROZEN_LAKE_8X8 = tuned(
    steps=200_000,
    num_envs=16,
    hidden=(64,),
    gamma=0.995,
    lr=1e-3,
    lr_end=1e-5,
    updates_per_step=0.25,
    batch_size=128,
    buffer_size=200_000,
    epsilon_end=0.1,
    epsilon_fraction=0.8,
    eval_every=20_000,
    eval_episodes=100,
    v_min=0.0,
    v_max=1.0,
)

# No time limit: a policy that walks into a wall does it for ever.
# eval_max_steps: an evaluation cuts it after 200 steps, of which the best policy needs 13.
# tau: a copy that follows slowly brings the goal's value back over 13 steps too late.
CLIFF_WALKING = tuned(
    steps=20_000,
    num_envs=16,
    hidden=(64,),
    gamma=0.99,
    reward_scale=0.05,
    tau=0.02,
    lr=1e-3,
    lr_end=1e-5,
    updates_per_step=0.5,
    epsilon_fraction=0.5,
    eval_every=2_000,
    eval_episodes=10,
    eval_max_steps=200,
    v_min=-10.0,
    v_max=0.0,
)

# 404 states, 6 actions, of which half are allowed: info["action_mask"] is kept to.
TAXI = tuned(
    steps=30_000,
    num_envs=16,
    hidden=(64,),
    gamma=0.97,
    reward_scale=0.05,
    tau=0.02,
    lr=2e-3,
    lr_end=1e-5,
    updates_per_step=0.5,
    epsilon_fraction=0.5,
    eval_every=3_000,
    eval_episodes=100,
    v_min=-5.0,
    v_max=1.0,
)

# One or two decisions an episode, and a card decides: what is learnt is a mean of ±1 to a
#   hundredth, so many episodes, large batches, few updates.
# gamma: nothing is gained by losing sooner.
# reward_scale: a return of 1 where −1 was expected is an error of 2, within ±1 once it is halved.
# epsilon_end: both actions are tried in every hand until the end.
BLACKJACK = tuned(
    steps=200_000,
    num_envs=32,
    hidden=(64, 64),
    gamma=1.0,
    reward_scale=0.5,
    lr=1e-3,
    lr_end=1e-5,
    updates_per_step=0.1,
    batch_size=256,
    buffer_size=200_000,
    learning_starts=1_000,
    epsilon_end=0.5,
    epsilon_fraction=1.0,
    eval_every=50_000,
    eval_episodes=1_000,
    v_min=-0.5,
    v_max=0.5,
)

TOY_TEXT: dict[str, Preset] = {
    "FrozenLake-v1": FROZEN_LAKE,
    "FrozenLake8x8-v1": FROZEN_LAKE_8X8,
    "CliffWalking-v0": CLIFF_WALKING,
    "CliffWalking-v1": CLIFF_WALKING,
    "CliffWalkingSlippery-v1": CLIFF_WALKING,
    "Taxi-v3": TAXI,
    "Taxi-v4": TAXI,
    "Blackjack-v1": BLACKJACK,
}
