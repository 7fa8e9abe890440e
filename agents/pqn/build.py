"""PQN from its settings: the one place where names become parts."""

from __future__ import annotations

from agents.exploration import Chosen, EpsilonGreedy, Exploration
from agents.fronts import require_suited
from agents.memory.keys import build_keys
from agents.memory.rollout import Rollout
from agents.normalisation import ObservationStatistics, ReturnScale, Statistics
from agents.parts import nets_of, own_nets, require_schedules
from agents.pqn.agent import PQN
from agents.pqn.config import PQNConfig
from agents.pqn.metrics import pqn_metrics
from agents.pqn.parts import NO_PARTS, PQNParts
from agents.pqn.policy import PQNPolicy, network_for
from agents.pqn.setting_up import epsilon_steps
from agents.setup import Setup
from drl.actions import numbered
from drl.nn.compensate import places
from drl.nn.memory import require_memory
from drl.nn.optim import Adam, RAdam
from drl.nn.schedules import Linear, falling
from drl.rng import generator


def build_pqn(config: PQNConfig, setup: Setup, parts: PQNParts = NO_PARTS) -> PQN:
    """The agent, whose random parts draw from streams of their own (drl.rng).

    UserError where its spaces are none that it can have; ValueError where settings and observations
    do not fit; MemoryError where there is no room to train the network.
    """
    seed = setup.seed
    require_suited(config, setup, "PQN", parts.net is not None)
    require_schedules(parts)
    actions = numbered(setup.action_space, config.discretise)
    net = network_for(config, setup, generator(seed, "weights"), parts.net)
    if str(net.ops.device) == "cpu":
        require_memory(
            4 * net.size * net.ops.dtype.itemsize,
            f"an agent with a network of {net.size:,} parameters", "smaller `hidden` layers",
        )  # fmt: skip
    rule = {"adam": Adam, "radam": RAdam}[config.optimizer]
    optimizer = rule(net, config.lr, eps=config.adam_eps)
    returns = ReturnScale(config.gamma, setup.num_envs) if config.normalise_reward else None
    statistics: list[Statistics] = []
    if config.normalise_obs or places(net):
        statistics.append(ObservationStatistics([(net, optimizer)]))
    statistics += [] if returns is None else [returns]
    lr = parts.lr or falling(config.lr, config.lr_end, config.anneal_steps or setup.steps)
    nets = own_nets(setup, nets_of(parts))
    return PQN(
        policy=PQNPolicy(config, setup, net, actions, returns, nets),
        rollout=Rollout(config.n_steps, setup.num_envs, build_keys(setup), actions=actions.n),
        optimizer=optimizer,
        exploration=build_exploration(config, setup, actions.n, parts),
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


def build_exploration(
    config: PQNConfig, setup: Setup, actions: int, parts: PQNParts = NO_PARTS
) -> Exploration:
    """Random actions by ε, or what the user's own tries."""
    falls = epsilon_steps(config, setup.steps)
    epsilon = parts.epsilon or Linear(config.epsilon_start, config.epsilon_end, falls)
    rng = generator(setup.seed, "exploration")
    if parts.exploration is None:
        return EpsilonGreedy(epsilon, actions, rng)
    return Chosen(parts.exploration, epsilon, actions, setup.num_envs, rng)
