"""Probe environments: worlds so small that what is to be learnt in them is known.

Andy Jones, "Debugging RL, Without the Agonizing Pain", 2021: a ladder of them, each with one more
thing that a learner needs.  The first rung on which a learner fails says where its fault is.

Q*(s, a) = r(s, a) + γ(1 − ends(s, a)) max_a′ Q*(s′, a′)
"""

from __future__ import annotations

from functools import wraps
from typing import Any, ClassVar, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from envs.numpy_env import NumpyEnv


class Probe(NumpyEnv):
    """A Markov decision process as tables; states are seen one-hot, (S,) float32, where `seen` does
    not say otherwise.

    seen      (S, O) what is seen of each state; None: all of it, one-hot
    pays      (S, A) rewards
    leads     (S, A) next states, those that are seen at an end too
    ends      (S, A) bool, where the episode terminates
    starts    states in which episodes begin, each as often
    allowed   (S, A) bool, which actions may be taken; None: all.  Where one that may not is taken,
              it counts in `taken_though_forbidden` and pays what `pays` says
    otherwise  where to look when a learner fails here and none of FAULTS explains what it believes
    """

    seen: ClassVar[np.ndarray | None] = None
    pays: ClassVar[np.ndarray]
    leads: ClassVar[np.ndarray]
    ends: ClassVar[np.ndarray]
    starts: ClassVar[tuple[int, ...]] = (0,)
    allowed: ClassVar[np.ndarray | None] = None
    otherwise: ClassVar[str] = ""
    fps = 2.0

    def __init__(self, num_envs: int = 1, seed: int = 0, **settings: Any) -> None:
        super().__init__(num_envs, seed, **settings)
        states, actions = self.pays.shape
        self.shown = one_hot(states) if self.seen is None else self.seen.astype(np.float32)
        self.observation_space: Space[Any] = Box(0.0, 1.0, self.shown.shape[1:], np.float32)
        self.action_space: Space[Any] = Discrete(actions)
        self.reward_range = (float(self.pays.min()), float(self.pays.max()))
        self.taken_though_forbidden = 0

    def initial(self, count: int) -> np.ndarray:
        return self.rng.choice(np.array(self.starts, np.float64), (1, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        at = rows[0].astype(np.int64), actions
        if self.allowed is not None:
            self.taken_though_forbidden += int((~self.allowed[at]).sum())
        return self.leads[at][None].astype(np.float64), self.pays[at], self.ends[at]

    def observe(self, rows: np.ndarray) -> np.ndarray:
        seen: np.ndarray = self.shown[rows[0].astype(np.int64)]
        return seen

    def action_masks(self, rows: np.ndarray) -> np.ndarray | None:
        return None if self.allowed is None else self.allowed[rows[0].astype(np.int64)]


def one_hot(states: int) -> np.ndarray:
    """Every state as it is seen: (S, S) float32."""
    seen: np.ndarray = np.eye(states, dtype=np.float32)
    return seen


# -- the ladder -----------------------------------------------------------------------------------
class ProbeConstant(Probe):
    """One state, one action, one step, reward 1: Q = 1.   Proves that a value can be learnt at all:
    the loss, its gradient, the optimizer, the sign of the reward, and that nothing is bootstrapped
    where an episode terminates."""

    id = "drl/ProbeConstant-v0"
    pays, leads, ends = np.array([[1.0]]), np.array([[0]]), np.array([[True]])
    otherwise = "a constant is not learnt: look at the loss, its gradient and the optimizer"


class ProbeObservation(Probe):
    """Two states of one step each, which pay −1 and 1: Q = −1, 1.   Proves that the observation
    reaches the value, with its own reward: all layers' gradients, rows of a batch, the memory."""

    id = "drl/ProbeObservation-v0"
    pays, leads = np.array([[-1.0], [1.0]]), np.array([[0], [1]])
    ends, starts = np.full((2, 1), True), (0, 1)
    otherwise = (
        "the value does not follow the observation: look at the gradients of the first layers, and "
        "whether observations and rewards of a batch are those of the same steps"
    )


class ProbeTwoSteps(Probe):
    """Two states one after the other, the last step pays 1: Q = γ, 1.   Proves that credit goes a
    step back: the bootstrap, the discount, the true next observation."""

    id = "drl/ProbeTwoSteps-v0"
    pays, leads = np.array([[0.0], [1.0]]), np.array([[1], [1]])
    ends = np.array([[False], [True]])
    otherwise = (
        "credit does not go a step back: look at the bootstrap, the discount, the target network, "
        "and whether next observations are the true ones"
    )


class ProbeAction(Probe):
    """One state, one step, actions that pay −1 and 1: Q = −1, 1.   Proves that an action's reward
    goes to that action: what is gathered, and that all actions are tried."""

    id = "drl/ProbeAction-v0"
    pays, leads, ends = np.array([[-1.0, 1.0]]), np.array([[0, 0]]), np.full((1, 2), True)
    otherwise = (
        "an action's reward does not go to that action: look at which output is gathered and given "
        "a gradient, and at exploration: is every action tried?"
    )


class ProbeActionObservation(Probe):
    """Two states of one step each; the action that pays 1 in the one pays −1 in the other: Q =
    ±1.   Proves that value depends on both together: hidden layers, and actions stored beside
    their observations."""

    id = "drl/ProbeActionObservation-v0"
    pays, leads = np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([[0, 0], [1, 1]])
    ends, starts = np.full((2, 2), True), (0, 1)
    otherwise = (
        "observation and action are not learnt together: look at whether actions are stored beside "
        "their own observations"
    )


class ProbeChoice(Probe):
    """A step, then a choice of −1 or 1: Q = γ, γ in the first state, −1, 1 in the second.   Proves
    that the bootstrap takes the best action of s′: the maximum in the target."""

    id = "drl/ProbeChoice-v0"
    pays, leads = np.array([[0.0, 0.0], [-1.0, 1.0]]), np.array([[1, 1], [1, 1]])
    ends = np.array([[False, False], [True, True]])
    otherwise = (
        "a choice that comes later is not counted right: look at the maximum over actions in the "
        "target, and which network chooses and which one values"
    )


class ProbeTruncated(Probe):
    """Two states that lead to each other for ever and pay 0 and 1, cut after every step; V = γ/(1 −
    γ²), 1/(1 − γ²).   Proves that truncation is not termination: the clock has ended, the value
    goes on, from the true final observation."""

    id = "drl/ProbeTruncated-v0"
    pays, leads = np.array([[0.0], [1.0]]), np.array([[1], [0]])
    ends, starts, time_limit = np.full((2, 1), False), (0, 1), 1
    otherwise = (
        "values at a truncation are wrong: the target there is r + γ V(final_obs), whatever comes "
        "next"
    )


class ProbeMasked(Probe):
    """A step, then a state where the action that pays 1 is forbidden and the other pays −1: Q = −γ,
    −γ in the first, −1 in the second.   Proves that masks are used where actions are chosen, and in
    the maximum of the target."""

    id = "drl/ProbeMasked-v0"
    pays, leads, ends = ProbeChoice.pays, ProbeChoice.leads, ProbeChoice.ends
    allowed = np.array([[True, True], [True, False]])
    otherwise = (
        "the target counts actions that are forbidden: its maximum over a′ has to leave them out "
        "(`action_mask` and `final_action_mask` of the next observation)"
    )


class ProbeMemory(Probe):
    """A cue, then three steps in which nothing is seen: in the last, the action that the cue has
    named pays 1; Q = γ³, γ², γ, 1 on the way of who remembers.  Who does not gets half of it,
    whatever it does.   Proves that a state is carried from step to step, begins anew with each
    episode, and that credit goes back to what was remembered.

    States: the cue, and the steps since.
    """

    id = "drl/ProbeMemory-v0"
    seen = np.array([[1.0, 0.0], [0.0, 1.0]] + [[0.0, 0.0]] * 6)
    pays = np.array([[0.0, 0.0]] * 6 + [[1.0, 0.0], [0.0, 1.0]])
    leads = np.array([[2, 2], [3, 3], [4, 4], [5, 5], [6, 6], [7, 7], [6, 6], [7, 7]])
    ends, starts = np.array([[False, False]] * 6 + [[True, True]] * 2), (0, 1)
    otherwise = (
        "what was seen earlier is not remembered: look at the state that is carried from step to "
        "step (is it what the network gave? is it 0 where an episode begins, and there alone?), "
        "and at the sequences that are learnt from: whole, in order, back to the cue?"
    )


class ProbeContinuous(NumpyEnv):
    """Two states of one step each, seen as ±1; an action a in [−2, 2] pays −(a − s)²: the best is
    a = s.   Proves that an action has its own number, units and gradient."""

    id = "drl/ProbeContinuous-v0"
    observation_space: Space[Any] = Box(-1.0, 1.0, (1,), np.float32)
    action_space: Space[Any] = Box(-2.0, 2.0, (1,), np.float32)
    reward_range = (-9.0, 0.0)
    fps = 2.0
    otherwise: ClassVar[str] = (
        "the best action is not found: look at the gradient that the action gives the policy, and "
        "at the units of actions, which are the environment's"
    )

    def initial(self, count: int) -> np.ndarray:
        return self.rng.choice([-1.0, 1.0], (1, count))

    def advance(self, rows: np.ndarray, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        off = actions.reshape(len(rows[0])).astype(np.float64) - rows[0]
        return rows, -off * off, np.full(len(off), True)

    def observe(self, rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(rows.T, np.float32)


class ProbeBuffer(gym.Env[np.ndarray, np.int64]):
    """ProbeTwoSteps as a Gymnasium environment that returns one array again and again: Q = γ, 1.
    Proves that observations are copied before the next step writes over them."""

    otherwise = "observations change after they were given: copy them before the next step"

    def __init__(self) -> None:
        self.observation_space = Box(0.0, 1.0, (2,), np.float32)
        self.action_space = Discrete(1)
        self.buffer = np.zeros(2, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.buffer[:] = 1, 0
        return self.buffer, {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        last = bool(self.buffer[1])
        self.buffer[:] = 0, 1
        return self.buffer, float(last), last, False, {}


# -- for learners whose actions are numbers -------------------------------------------------------
def by_numbers(probe: Any) -> Any:
    """The class of a probe whose A actions are equal parts of −1 … 1: the same values."""

    class ByNumbers(probe):  # type: ignore[misc]
        @wraps(probe.__init__)  # type: ignore[misc]  # its signature: many environments, or one
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            self.action_space = Box(-1.0, 1.0, (1,), np.float32)

        def advance(self, rows: np.ndarray, actions: np.ndarray) -> Any:
            count = self.pays.shape[1]
            part = (actions.reshape(len(actions)) + 1) * (count / 2)
            return super().advance(rows, np.minimum(part.astype(np.int64), count - 1))

    ByNumbers.__name__ = ByNumbers.__qualname__ = f"{probe.__name__}ByNumbers"
    return ByNumbers


# -- what a learner believes ----------------------------------------------------------------------
class Fault(NamedTuple):
    """A mistake in the target r + γV(s′), or in what is fitted to it."""

    name: str
    words: str


FAULTS = (
    Fault("sign", "rewards have the wrong sign on their way into the target"),
    Fault(
        "termination",
        "the target bootstraps through termination: where `terminated` it has to be r alone",
    ),
    Fault("horizon", "nothing is bootstrapped: r + γV(s′) lacks V(s′)"),
    Fault("discount", "V(s′) is not discounted by γ"),
    Fault(
        "truncation",
        "a truncated episode is taken for a terminated one: its target has to bootstrap, from "
        "`final_obs`",
    ),
    Fault(
        "reset",
        "the target of a truncated episode bootstraps from the next one's first observation "
        "(`obs`): it has to be `final_obs`",
    ),
    Fault("worst", "the target takes a wrong action of s′: it has to be that of max_a Q(s′, a)"),
    Fault("swapped", "what an action has earned is fitted to another action"),
    Fault("blind", "the value is the same whatever is observed"),
    Fault("mute", "the value is the same whatever is done"),
)


def values(probe: type[Probe], gamma: float, fault: str = "") -> np.ndarray:
    """Q* of a probe, (S, A), NaN where the action is forbidden; or what a learner with one of
    FAULTS comes to believe instead."""
    pays, leads, ends, allowed = probe.pays, probe.leads, probe.ends, probe.allowed
    allowed = np.full(pays.shape, True) if allowed is None else allowed
    truncated = ~ends & (probe.time_limit == 1)  # after each step, or never
    pays = -pays if fault == "sign" else pays
    stops = ends & (fault != "termination") | (fault == "horizon")
    stops = stops | truncated & (fault == "truncation")
    discount = (1.0 if fault == "discount" else gamma) * ~stops
    q = np.zeros(pays.shape)
    for _ in range(200):
        best = np.where(allowed, q, -np.inf).max(axis=1)  # V(s): (S,)
        if fault == "worst":
            best = np.where(allowed, q, np.inf).min(axis=1)
        after = best[leads]  # V(s′): (S, A)
        if fault == "reset":
            after = np.where(truncated, best[list(probe.starts)].mean(), after)
        q = pays + discount * after
    if fault == "swapped":
        q = q[:, ::-1]
    if fault in ("blind", "mute"):
        q = np.broadcast_to(q.mean(axis=0 if fault == "blind" else 1, keepdims=True), q.shape)
    return np.where(allowed, q, np.nan)
