"""PQN from its settings: the one place where names become parts."""

from __future__ import annotations

from agents.exploration import EpsilonGreedy
from agents.fronts import require_suited
from agents.memory.keys import build_keys
from agents.memory.rollout import Rollout
from agents.normalisation import ObservationStatistics, ReturnScale, Statistics
from agents.pqn.agent import PQN
from agents.pqn.config import PQNConfig
from agents.pqn.metrics import pqn_metrics
from agents.pqn.policy import PQNPolicy, network_for
from agents.pqn.setting_up import epsilon_steps
from agents.setup import Setup
from drl.actions import numbered
from drl.nn.memory import require_memory
from drl.nn.optim import Adam
from drl.nn.schedules import Linear, falling
from drl.rng import generator


def build_pqn(config: PQNConfig, setup: Setup) -> PQN:
    """The agent, whose random parts draw from streams of their own (drl.rng).

    UserError where its spaces are none that it can have; ValueError where settings and observations
    do not fit; MemoryError where there is no room to train the network.
    """
    seed = setup.seed
    require_suited(config, setup, "PQN")
    actions = numbered(setup.action_space, config.discretise)
    net = network_for(config, setup, generator(seed, "weights"))
    if str(net.ops.device) == "cpu":
        require_memory(
            4 * net.size * net.ops.dtype.itemsize,
            f"an agent with a network of {net.size:,} parameters", "smaller `hidden` layers",
        )  # fmt: skip
    optimizer = Adam(net, config.lr, eps=config.adam_eps)
    returns = ReturnScale(config.gamma, setup.num_envs) if config.normalise_reward else None
    statistics: list[Statistics] = []
    if config.normalise_obs:
        statistics.append(ObservationStatistics([(net, optimizer)]))
    statistics += [] if returns is None else [returns]
    lr = falling(config.lr, config.lr_end, config.anneal_steps or setup.steps)
    epsilon = Linear(config.epsilon_start, config.epsilon_end, epsilon_steps(config, setup.steps))
    return PQN(
        policy=PQNPolicy(config, setup, net, actions, returns),
        rollout=Rollout(config.n_steps, setup.num_envs, build_keys(setup), actions=actions.n),
        optimizer=optimizer,
        exploration=EpsilonGreedy(epsilon, actions.n, generator(seed, "exploration")),
        shuffle=generator(seed, "minibatches"),
        lr=lr,
        metrics_of=pqn_metrics,
        gamma=config.gamma,
        lam=config.q_lambda,
        n_epochs=config.n_epochs,
        batch_size=config.batch_size,
        max_grad_norm=config.max_grad_norm,
        statistics=statistics,
        returns=returns,
    )
