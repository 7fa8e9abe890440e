"""What a user may put into PPO or A2C in place of what their settings would build."""

from __future__ import annotations

from dataclasses import dataclass

from agents.parts import BuildNet, OwnParts, function, part, schedule
from agents.ppo.losses import PolicyLoss, ValueLoss
from drl.nn.schedules import Schedule

NETWORK = (
    "hidden", "activation", "conv", "shared", "recurrent", "recurrent_units", "init", "policy_gain",
    "value_gain", "scale",
)  # fmt: skip


@dataclass(frozen=True)
class A2CParts(OwnParts):
    """One's own, each in place of what the settings of A2C would build; None: theirs.

    net          builds the actor's network from an observation's shape and the number of outputs,
                 and the critic's, with 1 output, unless `critic_net` does; with a drl.Recurrent
                 the agent remembers its episodes.  log σ of continuous actions is no output of it:
                 one of each number, begun at `log_std_init`
    critic_net   builds the critic's network
    policy_loss  L_π and ∂L_π/∂log π: a function as in agents.ppo.losses
    value_loss   L_V and ∂L_V/∂V: a function as in agents.ppo.losses
    lr           the optimizer's learning rate, by env steps that had been learnt from when the
                 rollout began

    UserError where a loss or a schedule cannot be called.
    """

    net: BuildNet | None = part(*NETWORK)
    critic_net: BuildNet | None = part(*NETWORK)
    policy_loss: PolicyLoss | None = function()
    value_loss: ValueLoss | None = function()
    lr: Schedule | None = schedule("lr", "lr_end")


@dataclass(frozen=True)
class PPOParts(A2CParts):
    """The same of PPO, and ε besides.

    value_loss  in place of `clip_range_vf` too
    clip        ε, which the policy's loss is given, by env steps as `lr`

    UserError where a loss or a schedule cannot be called.
    """

    value_loss: ValueLoss | None = function("clip_range_vf")
    clip: Schedule | None = schedule("clip_range", "clip_range_end")


NO_PARTS = PPOParts()
