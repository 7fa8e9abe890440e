"""Targets, actions and memories where not every action is allowed, with numbers worked by hand."""

from typing import Any

import numpy as np
import pytest
from made import dqn, policy, step

from agents import DQNConfig, Parts
from agents.dqn import targets
from agents.dqn.agent import Seen
from agents.dqn.categorical import C51Head
from agents.dqn.heads import Head, QHead, best_action
from agents.dqn.metrics import largest_q, update_metrics
from agents.dqn.quantiles import ImplicitQuantileHead, QuantileHead
from agents.exploration import EpsilonGreedy, EzGreedy
from agents.memory.backend import on_backend
from agents.memory.masks import packed, unpacked
from agents.memory.nstep import NStep
from agents.memory.replay import Batch, ReplayBuffer, UniformSampler
from agents.memory.storage import ArrayStorage
from drl.errors import UserError
from drl.nn.ops import make_ops
from drl.nn.schedules import Constant

each_library = pytest.mark.parametrize("library", ["numpy", "torch"])
# three actions, two states; the best of all is forbidden in both
Q = np.array([[1.0, 2.0, 9.0], [4.0, 9.0, 3.0]])  # online
Q_TARGET = np.array([[10.0, 5.0, 90.0], [20.0, 90.0, 30.0]])
MASK = np.array([[True, True, False], [True, False, True]])
# allowed: Q (1, 2, ·), (4, ·, 3); Q_TARGET (10, 5, ·), (20, ·, 30)
BEST, DOUBLE = [0, 2], [1, 0]  # argmax of Q_TARGET; of Q


class Given:
    """A network whose outputs for the one-hot states are these rows, whatever else it is given."""

    def __init__(self, library: str, rows: np.ndarray) -> None:
        self.ops = make_ops(library, "float64")
        self.rows = self.ops.asarray(rows)

    def __call__(self, x: Any, condition: Any = None) -> Any:
        return self.rows


def spread(q: np.ndarray) -> np.ndarray:
    """Two quantiles at ±(a + 1) around each mean: (2, 3) → (2, 3, 2)."""
    width = np.array([1.0, 2.0, 3.0])[None, :, None]
    return q[:, :, None] + width * np.array([-1.0, 1.0])


def head_and_outputs(name: str, library: str, q: np.ndarray) -> tuple[Head, np.ndarray, np.ndarray]:
    """The head, a network's outputs whose means are q, and its z: (2, 3) or (2, 3, 2)."""
    ops = make_ops(library, "float64")
    if name == "mean":
        return QHead(ops, 3), q, q
    if name == "qr":
        return QuantileHead(ops, 3, 2), spread(q).reshape(2, 6), spread(q)
    if name == "iqn":
        head = ImplicitQuantileHead(ops, 3, 4, 2, np.random.default_rng(0))
        return head, spread(q).swapaxes(1, 2).reshape(4, 3), spread(q)
    share = q / 100  # P[Z = 100]; atoms 0 and 100
    p = np.stack([1 - share, share], axis=2)
    return C51Head(ops, 3, 2, 0.0, 100.0), np.log(p).reshape(2, 6), p


def batch(library: str, **more: Any) -> Batch:
    ones, s = np.ones(2), np.eye(2)
    whole = Batch(s, np.array([0, 2]), ones, 0.5 * ones, s, ones, np.arange(2), MASK, MASK)
    return on_backend(whole._replace(**more), make_ops(library, "float64"))


def setting(name: str, library: str) -> tuple[Head, Any, Any, np.ndarray]:
    """Head, online and target network, z of the target network."""
    _, online, _ = head_and_outputs(name, library, Q)
    head, target, z = head_and_outputs(name, library, Q_TARGET)
    return head, Given(library, online), Given(library, target), z


@each_library
@pytest.mark.parametrize("name", ["mean", "c51", "qr", "iqn"])
@pytest.mark.parametrize(("target", "chosen"), [("max", BEST), ("double", DOUBLE)])
def test_maxima_are_over_the_allowed_actions(
    target: str, chosen: list[int], name: str, library: str
) -> None:
    function = {"max": targets.q_target, "double": targets.double_q_target}[target]
    head, net, target_net, z = setting(name, library)
    found = function(head, net, target_net, batch(library))
    assert np.allclose(net.ops.numpy(found.z), z[[0, 1], chosen], rtol=1e-12)
    assert found.r.tolist() == [1, 1] and found.discount.tolist() == [0.5, 0.5]
    # without a mask the forbidden action, the best of all, would be chosen
    free = function(head, net, target_net, batch(library)._replace(next_mask=None))
    assert np.allclose(net.ops.numpy(free.z), z[[0, 1], [2, 1]], rtol=1e-12)
    # bounds are those of the chosen return
    bound = targets.Bounded(function, 0.0, 8.0)(head, net, target_net, batch(library))
    expected = z[[0, 1], chosen] if name == "c51" else np.clip(z[[0, 1], chosen], 0, 8)
    assert np.allclose(net.ops.numpy(bound.z), expected, rtol=1e-12)


@each_library
@pytest.mark.parametrize("name", ["mean", "c51", "qr", "iqn"])
def test_munchausen_is_over_the_allowed_actions(name: str, library: str) -> None:
    """τ = 10, α = ½, l₀ = −4.  Allowed: (10, 5) and (20, 30), the first action was the better one,
    the second's too."""
    head, net, target_net, z = setting(name, library)
    tau = 10.0
    found = targets.Munchausen(0.5, tau, -4.0)(head, net, target_net, batch(library))
    pi_0 = 1 / (1 + np.exp(-0.5))  # of action 0 in state 0: 10 against 5
    pi_1 = 1 / (1 + np.exp(-1.0))  # of action 2 in state 1: 30 against 20
    mixed = [pi_0 * z[0, 0] + (1 - pi_0) * z[0, 1], pi_1 * z[1, 2] + (1 - pi_1) * z[1, 0]]
    assert np.allclose(net.ops.numpy(found.z), mixed, rtol=1e-12)
    bonus = 0.5 * np.maximum(tau * np.log([pi_0, pi_1]), -4.0)
    assert bonus[0] == -2.0 > bonus[1] * 2 - 2  # the first is cut
    entropy = [-tau * (p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (pi_0, pi_1)]
    assert np.allclose(net.ops.numpy(found.r), 1 + bonus + 0.5 * np.array(entropy), rtol=1e-12)
    # the masks of s and of s′ each where they belong
    s_free = targets.Munchausen(0.5, tau, -4.0)(
        head, net, target_net, batch(library)._replace(mask=None)
    )
    assert np.array_equal(net.ops.numpy(s_free.z), net.ops.numpy(found.z))
    assert not np.allclose(net.ops.numpy(s_free.r), net.ops.numpy(found.r))


@each_library
@pytest.mark.parametrize("scale", [1.0, 1e3, -1e10, 1e10])
def test_values_of_any_size_never_choose_what_is_forbidden(library: str, scale: float) -> None:
    """Q below −1e8, and forbidden values far above the allowed ones, in float32."""
    ops = make_ops(library, "float32")
    q = ops.asarray(scale * np.array([[1.0, 2.0, 3.0], [-3.0, -2.0, -1.0]]))
    mask = ops.booleans(np.array([[True, False, False], [True, False, False]]))
    assert ops.numpy(best_action(ops, q, mask)).tolist() == [0, 0]
    log_pi = ops.numpy(targets.log_policy(ops, q, 0.03, mask))
    assert np.isfinite(log_pi).all() and log_pi[:, 0].tolist() == [0.0, 0.0]
    assert (np.exp(log_pi[:, 1:]) == 0).all()


def test_masks_that_allow_everything_change_no_bit() -> None:
    rng = np.random.default_rng(0)
    ops, q = make_ops("numpy", "float32"), rng.normal(size=(64, 5)).astype(np.float32)
    everything = np.ones(q.shape, bool)
    free, masked = targets.log_policy(ops, q, 0.03), targets.log_policy(ops, q, 0.03, everything)
    assert np.array_equal(free, masked)
    assert np.array_equal(best_action(ops, q), best_action(ops, q, everything))


# -- acting -----------------------------------------------------------------------------------
def test_epsilon_greedy_draws_evenly_over_what_is_allowed() -> None:
    explore = EpsilonGreedy(Constant(1.0), 4, np.random.default_rng(0))
    mask = np.repeat([[True, False, True, True], [False, True, False, False]], 6_000, axis=0)
    actions = explore(np.zeros(12_000, int), 0, mask)
    assert (actions[6_000:] == 1).all()
    counts = np.bincount(actions[:6_000], minlength=4)
    assert counts[1] == 0 and (np.abs(counts[[0, 2, 3]] - 2_000) < 5 * 36.5).all()  # 5 σ
    never = EpsilonGreedy(Constant(0.0), 4, np.random.default_rng(0))
    assert never(np.array([3, 1]), 0, mask[[0, 6_000]]).tolist() == [3, 1]


def test_a_held_action_that_is_forbidden_ends() -> None:
    explore = EzGreedy(Constant(0.0), 3, np.random.default_rng(0), 2, 2.0)
    explore.held[:], explore.left[:] = [2, 2], [5, 5]
    mask = np.array([[True, True, False], [True, True, True]])
    assert explore(np.array([1, 1]), 0, mask).tolist() == [1, 2]
    assert explore.left.tolist() == [0, 4]
    # allowed again: it is over all the same
    assert explore(np.array([1, 1]), 0, ~np.zeros((2, 3), bool)).tolist() == [1, 2]


def test_an_exploration_without_an_idea_of_masks_is_named() -> None:
    class Half:
        epsilon = Constant(0.5)

        def __call__(self, greedy: np.ndarray, env_steps: int) -> np.ndarray:
            return greedy

        def state(self) -> dict[str, Any]:
            return {}

        def load_state(self, state: dict[str, Any]) -> None:
            pass

    agent = dqn(DQNConfig(hidden=(4,)), (2,), actions=3, parts=Parts(exploration=Half()))  # type: ignore[arg-type]
    obs = np.zeros((2, 2), np.float32)
    assert agent.act(obs, 0).shape == (2,)
    with pytest.raises(UserError, match="Half explores without an idea of masks"):
        agent.act(obs, 0, MASK)


def test_an_action_that_is_begun_is_allowed() -> None:
    explore = EzGreedy(Constant(1.0), 3, np.random.default_rng(0), 500, 2.0)
    rng = np.random.default_rng(1)
    for _ in range(20):
        mask = rng.random((500, 3)) < 0.4
        mask[~mask.any(axis=1), 1] = True
        actions = explore(mask.argmax(axis=1), 0, mask)
        assert mask[np.arange(500), actions].all()


def test_the_agent_acts_within_the_mask() -> None:
    half = DQNConfig(hidden=(8,), epsilon_start=0.5, epsilon_end=0.5)
    agent = dqn(half, (3,), actions=3, first=5)
    asked = agent.policy()
    rng = np.random.default_rng(0)
    obs = rng.normal(size=(200, 3)).astype(np.float32)
    mask = rng.random((200, 3)) < 0.4
    mask[~mask.any(axis=1), 1] = True
    for actions in (agent.act(obs, 0, mask), asked.act_batch(obs, mask), asked(obs, mask)):
        assert mask[np.arange(200), actions - 5].all()
    best = np.where(mask, asked.q(obs), -np.inf)
    assert (asked(obs, mask) - 5).tolist() == best.argmax(axis=1).tolist()
    assert np.array_equal(asked.value(obs, mask), best.max(axis=1))


def test_a_policy_asked_with_a_mask() -> None:
    asked = policy(DQNConfig(hidden=(8,)), (3,), actions=3)
    one = np.ones(3, np.float32)
    assert asked(one, [0, 0, 1]) == 2 and asked(one[None], [[0, 1, 0]]).tolist() == [1]
    assert asked.predict(one, action_masks=np.array([False, True, False]))[0] == 1
    for mask, words in (
        ([1, 1], r"a mask of int64 \(2,\), the policy takes \(3,\)"),
        ([[1, 1, 1]], "a mask of"),
        ([0.5, 1, 1], "of True and False"),
        ([0, 0, 0], "the mask of observation 0 allows nothing"),
    ):
        with pytest.raises(UserError, match=words):
            asked(one, mask)


# -- remembering ------------------------------------------------------------------------------
@pytest.mark.parametrize("actions", [1, 3, 8, 9, 70])
def test_a_bit_for_each_action(actions: int) -> None:
    mask = np.random.default_rng(0).random((20, actions)) < 0.5
    mask[:, 0] = True
    bits = packed(mask, 20, actions)
    assert bits.shape == (20, -(-actions // 8)) and np.array_equal(unpacked(bits, actions), mask)
    assert unpacked(packed(None, 2, actions), actions).all()
    assert unpacked(packed(np.zeros((2, actions), bool), 2, actions), actions).all()


def bits(number: int) -> np.ndarray:
    """A mask of four actions that tells which one it is; action 0 is always allowed."""
    return np.array([True, *(bool(number >> i & 1) for i in range(3))])


def filled(n: int, ends: dict[int, str], steps: int) -> dict[int, tuple[int, int]]:
    """By the time that a window began: whose mask is kept of s, whose of s′."""
    replay = ReplayBuffer(
        100, 1, ArrayStorage((1,), np.float32), UniformSampler(100, 1, np.random.default_rng(0)),
        actions=4,
    )  # fmt: skip
    nstep = NStep(replay, n, 0.5, 2)
    for t in range(steps):
        here = np.full((2, 1), t)
        flags = [np.full(2, ends.get(t) == kind) for kind in ("terminated", "truncated")]
        nstep.add(
            here, here[:, 0], np.zeros(2), *flags, here + 1, np.stack([bits(t)] * 2),
            np.stack([bits(t + 1)] * 2),
        )  # fmt: skip
    kept = unpacked(replay.masks, 4) @ [0, 1, 2, 4]  # (buffer_size, 2)
    return {int(replay.action[i]): tuple(kept[i].tolist()) for i in range(len(replay))}


def test_windows_keep_the_masks_of_their_two_ends() -> None:
    assert filled(1, {}, 4) == {t: (t, t + 1) for t in range(4)}
    assert filled(3, {}, 6) == {t: (t, t + 3) for t in range(4)}
    # cut at the end of t = 3: all windows get the mask of its final observation
    for end in ("terminated", "truncated"):
        assert filled(3, {3: end}, 6) == {0: (0, 3), 1: (1, 4), 2: (2, 4), 3: (3, 4)}


def test_without_masks_nothing_is_kept() -> None:
    agent = dqn(DQNConfig(hidden=(4,), buffer_size=50, batch_size=4, n_step=2), (2,))
    before = agent.replay.nbytes
    s = np.zeros((1, 2), np.float32)
    for _ in range(5):
        agent.nstep.add(s, np.zeros(1, int), np.ones(1), np.zeros(1, bool), np.zeros(1, bool), s)
    batch = agent.replay.sample()
    assert batch.mask is None is batch.next_mask
    assert agent.replay.nbytes == before and agent.nstep.masks is None
    assert "masks" not in agent.state()["replay"] and "masks" not in agent.state()["nstep"]


def test_a_batch_has_the_masks_of_its_rows() -> None:
    replay = ReplayBuffer(
        10, 64, ArrayStorage((1,), np.float32), UniformSampler(10, 64, np.random.default_rng(0)),
        actions=4,
    )  # fmt: skip
    nstep = NStep(replay, 1, 0.5, 1)
    no = np.zeros(1, bool)
    for t in range(7):
        here = np.full((1, 1), t)
        masks = bits(t)[None], bits(t + 1)[None]
        nstep.add(here, here[:, 0], np.zeros(1), no, no, here + 1, *masks)
    batch = replay.sample()
    assert (batch.mask @ [0, 1, 2, 4]).tolist() == batch.s[:, 0].tolist()
    assert (batch.next_mask @ [0, 1, 2, 4]).tolist() == batch.s_next[:, 0].tolist()
    # and after a state is put back
    again = NStep(
        ReplayBuffer(10, 64, ArrayStorage((1,), np.float32),
                     UniformSampler(10, 64, np.random.default_rng(1)), actions=4), 1, 0.5, 1,
    )  # fmt: skip
    again.load_state(nstep.state())
    again.replay.load_state(replay.state())
    assert np.array_equal(again.masks, nstep.masks)
    assert np.array_equal(again.replay.masks[:7], replay.masks[:7])
    # a state without masks takes them away
    bare = {name: value for name, value in replay.state().items() if name != "masks"}
    again.replay.load_state(bare)
    assert again.replay.sample().mask is None


# -- looking on -------------------------------------------------------------------------------
def test_what_is_logged_is_of_allowed_actions() -> None:
    agent = dqn(DQNConfig(hidden=(4,)), (2,), actions=3)
    nothing = np.zeros(2)
    q = np.array([[1.0, 2.0, 90.0], [4.0, -80.0, 70.0]])
    mask = np.array([[True, True, False], [True, False, False]])
    seen = Seen(lambda: q, np.zeros(2, int), nothing, lambda: nothing, lambda: 0.0, 1.0, mask)
    found = update_metrics(agent, seen)
    assert found["train/q_max"] == 4 and found["train/q_mean"] == pytest.approx(7 / 3)
    assert found["train/action_gap"] == 1.0  # of the first row; in the other there is no choice
    assert found["q/action_0"].tolist() == [1, 4] and found["q/action_1"].tolist() == [2]
    assert "q/action_2" not in found
    assert largest_q(agent, seen) == 4
    assert largest_q(agent, seen._replace(mask=None)) == 90


@pytest.mark.parametrize("ended", [False, True])
def test_one_update_under_a_mask_by_hand(ended: bool) -> None:
    """The target of the whole agent, from observe to the loss.   ended: the clock cuts the episode,
    and the new one begins where only action 1 is allowed."""
    config = DQNConfig(
        hidden=(), gamma=0.5, bootstrap="max", batch_size=1, buffer_size=1, value_bound=None,
        learning_starts=1,
    )  # fmt: skip
    agent = dqn(config, (2,), actions=3, precision="float64")
    weights = np.array([[1.0, 2.0, 9.0], [4.0, 9.0, 3.0]])
    agent.net.params[:] = agent.target_net.params[:] = [*weights.ravel(), 0, 0, 0]
    s, s_next = np.eye(2, dtype=np.float32)
    agent.act(s[None], 10, MASK[:1])
    info = {"action_mask": MASK[1:]}
    if ended:
        info = {"action_mask": np.array([[False, True, False]]), "final_action_mask": MASK[1:]}
    one = step([1.0], [0], [ended], s_next[None])._replace(info=info)
    agent.observe(s[None], np.array([1]), one)
    update = agent.learn()
    # y = 1 + ½ max(4, 3), not ½ · 9;  δ = 2 − 3
    assert update.seen.td_error().tolist() == [-1.0]
    assert update.seen.mask.tolist() == MASK[:1].tolist()
