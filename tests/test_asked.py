"""Every policy is asked alike: the environment's own observations, one or a batch, in every method
that takes some; what does not fit is one line."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete

from agents.row import find_row
from agents.setup import Setup
from drl.encoding import Encoder
from drl.errors import UserError
from drl.tables import AGENTS

SEEN = {
    "box": Box(-9, 9, (4,), np.float32),
    "discrete": Discrete(5),
    "dict": Dict(at=Box(-9, 9, (2,), np.float32), goal=Discrete(3, start=1)),
}
NUMBERS, TORQUES = Discrete(3, start=2), Box(-2.0, 4.0, (2,), np.float32)
RECURRENT = ("ppo recurrent", "a2c recurrent")
NAMES = (*AGENTS, *RECURRENT)
N = 5


def policy(name: str, seen: str = "box", actions: Any = None) -> Any:
    """Of fresh weights."""
    agent, _, recurrent = name.partition(" ")
    row, encoder = find_row(agent), Encoder(SEEN[seen])
    if actions is None:
        actions = NUMBERS if "Discrete" in (row.actions or ()) else TORQUES
    settings = {"hidden": (8,)} | ({"recurrent": True} if recurrent else {})
    setup = Setup(encoder.space, actions, num_envs=4, encoder=encoder, agent=agent)
    return row.made(row.config(**settings), setup).policy()


def batch_of(space: Any, count: int) -> Any:
    """Observations of the space, in its own form."""
    space.seed(3)
    rows = [space.sample() for _ in range(count)]
    if isinstance(space, Dict):
        return {key: np.stack([np.asarray(row[key]) for row in rows]) for key in space}
    return np.stack([np.asarray(row) for row in rows])


def first(obs: Any) -> Any:
    """Of a batch."""
    return {key: rows[0] for key, rows in obs.items()} if isinstance(obs, dict) else obs[0]


def methods(one: Any, actions: Any) -> dict[str, Any]:
    """Everything that takes observations and that this policy answers: what is asked, and the shape
    of an answer to one."""
    remembers = hasattr(one, "state_size")
    state = {"state": None} if remembers else {}
    numbered = isinstance(one.action_space, Discrete)
    found: dict[str, Any] = {
        "predict": (lambda obs, a: one.predict(obs)[0], one.action_space.shape),
        "value": (lambda obs, a: one.value(obs, **state), ()),
    }
    if not remembers:
        found["__call__"] = (lambda obs, a: one(obs), one.action_space.shape)
    if one.agent in ("dqn", "pqn"):
        found["q"] = (lambda obs, a: one.q(obs), (3,))
    if one.agent not in ("ppo", "a2c"):
        found["q of actions"] = (one.q, ())
    if one.agent not in ("dqn", "pqn", "td3"):
        found["log_prob"] = (partial(one.log_prob, **state), ())
        if numbered:
            found["probs"] = (lambda obs, a: one.probs(obs, **state), (3,))
    return found


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("name", NAMES)
def test_one_observation_or_a_batch(name: str, seen: str) -> None:
    one, obs = policy(name, seen), batch_of(SEEN[seen], N)
    actions, _ = one.predict(obs)
    for what, (ask, shape) in methods(one, actions).items():
        many, single = ask(obs, actions), ask(first(obs), actions[0])
        assert isinstance(many, np.ndarray) and many.shape == (N, *shape), what
        assert np.shape(single) == shape, what
        np.testing.assert_allclose(single, many[0], rtol=1e-4, atol=1e-6, err_msg=what)
        none = ask(batch_of(SEEN[seen], 1), actions[:1])
        assert none.shape == (1, *shape), what


WRONG: dict[str, list[Any]] = {
    "box": [np.zeros(3), np.zeros((2, 5)), np.zeros((2, 2, 4)), 1.0, "left", None, [[1, 2], [3]],
            np.full(4, np.nan), {"at": np.zeros(2)}],
    "discrete": [np.zeros((2, 5), int), 7, 0.5, "left", None],
    "dict": [np.zeros(5), {"at": np.zeros(2)}, {"at": np.zeros(3), "goal": 1},
             {"at": np.zeros((2, 2)), "goal": 1}, {"at": np.zeros(2), "goal": 9}, None,
             {"at": np.full(2, np.nan), "goal": 1}],
}  # fmt: skip


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_observation_is_one_line(name: str, seen: str) -> None:
    one = policy(name, seen)
    action = one.predict(batch_of(SEEN[seen], 1))[0][0]
    for wrong in WRONG[seen]:
        for what, (ask, _) in methods(one, action).items():
            with pytest.raises(UserError) as caught:
                ask(wrong, action)
            assert "\n" not in str(caught.value), (what, wrong)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_action_is_one_line(name: str) -> None:
    one = policy(name)
    obs = batch_of(SEEN["box"], N)
    actions, _ = one.predict(obs)
    beyond = actions.copy()
    beyond[2] = 5 if isinstance(one.action_space, Discrete) else np.nan
    for what, (ask, _) in methods(one, actions).items():
        if what in ("q of actions", "log_prob"):
            for wrong in (
                actions[:3],
                actions[0],
                np.stack([actions, actions]),
                "left",
                None,
                beyond,
            ):
                if wrong is None and what == "q of actions":
                    continue  # q(obs) is of all of them
                with pytest.raises(UserError, match="action") as caught:
                    ask(obs, wrong)
                assert "\n" not in str(caught.value)
            with pytest.raises(UserError, match="action 2, .* is none of"):
                ask(obs, beyond)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_policy_does_not_know_it_says(name: str) -> None:
    """In one line, wherever it is: no None, no AttributeError."""
    one = policy(name)
    obs = batch_of(SEEN["box"], N)
    actions, _ = one.predict(obs)
    state = {"state": None} if name in RECURRENT else {}
    asked = {
        "value": lambda: one.value(obs, **state),
        "q": lambda: one.q(obs),
        "q of actions": lambda: one.q(obs, actions),
        "probs": lambda: one.probs(obs, **state),
        "log_prob": lambda: one.log_prob(obs, actions, **state),
        "__call__": lambda: one(obs),
    }
    for what in asked.keys() - methods(one, actions).keys():
        with pytest.raises(UserError, match="policy of|table of") as caught:
            asked[what]()
        assert "\n" not in str(caught.value)


def test_each_says_what_it_lacks() -> None:
    obs = batch_of(SEEN["box"], N)
    for ask in (policy("dqn").probs, policy("td3").probs):
        with pytest.raises(UserError, match="chooses the best action, it has no probabilities$"):
            ask(obs)
    with pytest.raises(UserError, match="no table of probabilities: ask log_prob"):
        policy("sac").probs(obs)
    with pytest.raises(UserError, match=r"no table of values: ask q .* `q\(obs, actions\)`"):
        policy("sac").q(obs)
    with pytest.raises(UserError, match=r"of ppo knows no Q\(s, a\): ask `value`"):
        policy("ppo").q(obs)


@pytest.mark.parametrize("name", ["dqn", "ppo", "a2c", "pqn", *RECURRENT])
def test_masks_of_one_and_of_many(name: str) -> None:
    one, obs = policy(name), batch_of(SEEN["box"], N)
    mask = np.tile([True, False, True], (N, 1))
    state = {"state": None} if name in RECURRENT else {}
    for ask in (one.value, one.probs):
        if ask == one.probs and one.agent in ("dqn", "pqn"):
            continue
        many, single = ask(obs, mask, **state), ask(obs[0], mask[0], **state)
        np.testing.assert_allclose(single, many[0], rtol=1e-4, atol=1e-6)
        with pytest.raises(UserError, match="a mask of"):
            ask(obs, mask[:2], **state)
    actions, _ = one.predict(obs, action_masks=mask)
    assert (actions != 3).all()


@pytest.mark.parametrize("name", ["dqn", "pqn"])
def test_q_of_actions_is_their_column(name: str) -> None:
    one, obs = policy(name), batch_of(SEEN["box"], N)
    assert np.array_equal(one.q(obs, one(obs)), one.value(obs))
    two = policy(name, actions=MultiDiscrete([2, 3]))
    assert np.array_equal(two.q(obs, two(obs)), two.q(obs).max(axis=1))


@pytest.mark.parametrize("name", RECURRENT)
def test_one_that_remembers_is_asked_where_its_episodes_are(name: str) -> None:
    """The same state in gives the same answers, and none of them moves it."""
    one, obs = policy(name), batch_of(SEEN["box"], N)
    actions, h = one.predict(obs)
    before = h.copy()
    start, later = one.value(obs, state=None), one.value(obs, state=h)
    assert not np.allclose(start, later) and np.array_equal(h, before)
    p = one.probs(obs, state=h)
    chosen = np.log(p[np.arange(N), actions - 2])
    np.testing.assert_allclose(one.log_prob(obs, actions, state=h), chosen, rtol=1e-4)
    begins = np.arange(N) == 1
    mixed = one.value(obs, state=h, episode_start=begins)
    np.testing.assert_allclose(mixed, np.where(begins, start, later), rtol=1e-5)
    single = one.value(obs[0], state=h[:1])
    assert np.shape(single) == () and single == pytest.approx(float(later[0]), rel=1e-4)
    for ask in (one.value, one.probs, partial(one.log_prob, actions=actions)):
        with pytest.raises(UserError, match=r"remembers .* `value\(obs, state=state\)`"):
            ask(obs)
        with pytest.raises(UserError, match="a state of shape"):
            ask(obs, state=h[:2])
    player = one.player(N)
    player.act(obs)
    assert np.array_equal(player.value(obs), later) and np.array_equal(player.probs(obs), p)


def test_a_policy_that_forgets_does_not_look_at_a_state() -> None:
    """Code for either kind hands it on, as with `predict`."""
    one, obs = policy("ppo"), batch_of(SEEN["box"], N)
    assert np.array_equal(one.value(obs, state=None), one.value(obs))


def test_a_policy_of_ones_own_without_its_actions_says_so() -> None:
    from agents import SavedPolicy
    from drl.nn import MLP

    class Bare(SavedPolicy):
        pass

    bare = Bare(None, Setup(SEEN["box"], NUMBERS), MLP(4, 3))
    with pytest.raises(UserError, match=r"Bare lacks `act_batch\(obs, mask\)`"):
        bare(np.zeros(4))


def test_nan_is_named_by_its_part_and_place() -> None:
    obs = batch_of(SEEN["dict"], N)
    obs["at"][3, 1] = np.nan
    with pytest.raises(UserError, match=r"observation 3 holds NaN or Inf \(at\[1\] is nan\), a"):
        policy("dqn", "dict")(obs)
    with pytest.raises(UserError, match=r"observation 0 holds NaN or Inf \(number 2 is inf\), a"):
        policy("dqn")(np.array([0, 0, np.inf, 0]))
