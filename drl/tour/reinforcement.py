"""Chapter 11.  Deep reinforcement learning: the same network, another gradient at its output."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents import DQN, PRESETS, SavedPolicy, Setup, build_dqn, evaluate
from agents.dqn.heads import QHead
from agents.heatmap import PLANES, POINTS, states
from drl.api import Result, train
from drl.experiment.callbacks import Callback, Experiment
from drl.experiment.task import Evaluated
from drl.nn import MLP
from drl.nn.losses import SoftmaxCrossEntropy
from drl.tour.odd import data, pixels
from drl.tour.page import Page
from drl.tour.softmax import HIDDEN
from envs import make

ENV, SEED, EPISODES, SHOWN = "CartPole-v1", 1, 100, 6


class Run(NamedTuple):
    """CartPole learnt: what came of it, what it was before, and its greedy evaluations on the
    way."""

    result: Result
    before: SavedPolicy
    evaluations: list[tuple[int, float]]  # env steps, mean return


class Evaluations(Callback):
    """Keeps them: env steps, mean return."""

    def __init__(self) -> None:
        self.found: list[tuple[int, float]] = []

    def on_evaluation(self, experiment: Experiment, evaluated: Evaluated) -> None:
        self.found.append((experiment.step, evaluated.score))


def learn() -> Run:
    evaluations = Evaluations()
    result = train("dqn", ENV, seed=SEED, callbacks=[evaluations], progress=False)
    trained = result.policy
    setup = Setup(trained.observation_space, trained.action_space, seed=SEED)
    before = build_dqn(PRESETS[ENV].config, setup).policy()  # the weights that it started from
    return Run(result, before, evaluations.found)


def score(policy: SavedPolicy) -> float:
    """Mean return of fresh greedy episodes."""
    return evaluate(policy, make(ENV, num_envs=EPISODES, seed=SEED + 1), EPISODES).mean


def output_gradient(agent: DQN) -> tuple[np.ndarray, np.ndarray]:
    """Actions of a batch from the memory, and ∂L/∂q: what `learn_from` hands to the network."""
    batch = agent.replay.sample()
    target = agent.bootstrap(agent.head, agent.net, agent.target_net, batch)
    q, _ = agent.head.forward(agent.net, batch.s)
    return batch.a, agent.head.fit(q, batch.a, target, batch.weight).dz


def tell(page: Page) -> None:
    """Q-learning by the network of the digits."""
    config, experiment = PRESETS[ENV]
    page.text("""
        A cart balances a pole: at each step it is pushed to the left or to the right, and earns 1
        while the pole stands, for 500 steps at most. Nobody says which push was right. What can be
        learnt is how much reward is still to come, Q(s, a); the best action has the largest.
    """)
    page.equations("""
        Q(s, a) = E[r + γ max_a′ Q(s′, a′)]      Bellman: what is to come, now and one step later
        δ       = Q(s, a; θ) − y                 y = r + γ(1 − terminated) bootstrap(s′)
        L(θ)    = E[huber(δ)]
    """)
    page.text(f"""
        Here y sums {config.n_step} rewards before it asks the network, and rewards are scaled by
        {config.reward_scale}; why, is in `agents/dqn/presets.py` and *Policies that stay*.

        The network: four numbers in (position, velocity, angle, angular velocity), hidden layers,
        two numbers out. It is the `MLP` of the digits.

        ## The gradient at the output

        Only the action that was taken has an error; of the other one nothing is known, so its
        gradient is 0. `clip` is Huber's derivative.
    """)
    page.equations("""
        digits    ∂L/∂z[k] = p[k] − 1[k = t]                 every output
        CartPole  ∂L/∂q[k] = clip(δ, ±1) · 1[k = a]          the action taken, a
    """)
    page.source(QHead.fit, DQN.learn_from)

    run = learn()
    agent = run.result.agent
    net = MLP(64, 10, hidden=(HIDDEN,), activation="sigmoid", seed=1)
    _, dz = SoftmaxCrossEntropy(net.ops)(net(pixels(data().x_test[:SHOWN])), data().y_test[:SHOWN])
    actions, dq = output_gradient(agent)
    elsewhere = float(np.abs(dq[np.arange(len(dq)), 1 - actions]).max())
    caption = f"∂L/∂output of {SHOWN} examples: digits before learning, CartPole after"
    with page.figure("gradients", caption, 7.5) as figure:
        axes = figure.subplots(1, 2, width_ratios=(10, 4))
        for ax, gradient, names in ((axes[0], dz, range(10)), (axes[1], dq, ("left", "right"))):
            most = float(np.abs(gradient[:SHOWN]).max())
            ax.imshow(gradient[:SHOWN], cmap="RdBu_r", vmin=-most, vmax=most)
            ax.set(xticks=range(len(names)), xticklabels=names, yticks=[])
        axes[0].set(title="p − 1[k = t]", ylabel="examples")
        axes[1].set_title("clip(δ) · 1[k = a]")
    page.text(f"""
        A batch from the memory has {len(dq)} transitions; the largest gradient at an action that
        was not taken is {elsewhere:g}.

        ## It learns
    """)
    before, after = score(run.before), score(run.result.policy)
    page.numbers |= {
        "gradient_elsewhere": elsewhere,
        "parameters": agent.net.size, "env_steps": run.result.env_steps, "updates": agent.updates,
        "solved": run.result.solved, "before": before, "after": after,
        "evaluations": run.evaluations,
    }  # fmt: skip
    page.text(f"""
        {agent.net.size:,} parameters, {run.result.env_steps:,} env steps, {agent.updates:,}
        updates. Every {experiment.eval_every} env steps the greedy policy is evaluated; the best of
        {len(run.evaluations)} is kept, because a later one may be worse. In {EPISODES} fresh
        episodes the untrained network earns {before:.1f} on average, the kept policy {after:.1f}.
    """)
    plane, policies = PLANES[ENV], {"before": run.before, "after": run.result.policy}
    caption = "Greedy returns on the way; V(s) = max_a Q(s, a) of a cart at rest in the middle"
    with page.figure("value", caption, 9) as figure:
        axes = figure.subplots(1, 3)
        axes[0].plot(*zip(*run.evaluations, strict=True), marker=".")
        axes[0].set(xlabel="env steps", ylabel="return", title="greedy evaluations")
        for ax, (name, policy) in zip((axes[1], axes[2]), policies.items(), strict=True):
            v = policy.value(states(plane, 4))
            assert v is not None  # a DQN knows V
            page.numbers[f"v_{name}"] = [float(v.min()), float(v.max())]
            ends = (plane.x.low, plane.x.high, plane.y.low, plane.y.high)
            shown = ax.imshow(v.reshape(POINTS, POINTS), aspect="auto", extent=ends)
            ax.set(xlabel=plane.x.name, ylabel=plane.y.name, title=f"V {name}")
            figure.colorbar(shown, ax=ax)
    low, high = page.numbers["v_after"]
    page.text(f"""
        Before, V says nothing. After, it is high where the pole stands or swings back, low where it
        falls to the side to which it leans. It runs from {low:.0f} to {high:.0f}; the largest
        possible is 1/(1 − γ) = {1 / (1 - config.gamma):.0f}. V is far from true when the policy is
        good already: only the order of the two actions has to be right.

        One neuron, a hidden layer, the chain rule, many outputs, shared weights: nothing was
        replaced on the way. Only the gradient at the output is another.
    """)
