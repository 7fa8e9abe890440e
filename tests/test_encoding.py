"""Every observation as one array: encodings by hand, networks with branches, whole trainings."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple

from agents import DQNConfig, Setup, build_dqn
from drl import load_policy, load_run, train
from drl.decoding import decode
from drl.encoding import Encoder
from drl.errors import UserError
from drl.export import npz as export_npz
from drl.export import onnx as export_onnx
from drl.export import torch as export_torch
from drl.export.observation import ENCODED
from drl.leaves import channels_first
from drl.nn import Branches, Linear, Network, Slice, make_ops
from drl.observed import Misfit
from drl.spaces import from_json, to_json
from envs import source


def encoded(space: Any, obs: Any, channels: Any = None) -> np.ndarray:
    encoder = Encoder(space, channels)
    out = np.full(encoder.space.shape, 7, encoder.space.dtype)  # nothing of it may remain
    encoder.encode(obs, out)
    batch, one = encoder.encode_batch(obs)
    assert one and batch[0].tobytes() == out.tobytes()
    assert encoder.space.contains(out)
    return out


PICTURE = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)
BY_HAND: dict[str, tuple[Any, Any, Any]] = {  # space, observation, what is delivered
    "vector": (Box(-1, 1, (2,), np.float64), np.array([0.5, -1.0]), np.float32([0.5, -1])),
    "scalar": (Box(0, 9, (), np.float32), np.float32(3), np.float32([3])),
    "infinite": (Box(-np.inf, np.inf, (1,), np.float32), np.ones(1, np.float32), np.float32([1])),
    "grey": (Box(0, 255, (2, 3), np.uint8), np.arange(6, dtype=np.uint8).reshape(2, 3),
             np.arange(6, dtype=np.uint8).reshape(2, 3, 1)),
    "channels first": (Box(0, 255, (3, 5, 4), np.uint8), PICTURE, np.moveaxis(PICTURE, 0, 2)),
    "discrete": (Discrete(4), 2, np.float32([0, 0, 1, 0])),
    "discrete from −1": (Discrete(3, start=-1), np.int64(-1), np.float32([1, 0, 0])),
    "discrete from 5": (Discrete(2, start=5), np.array(6), np.float32([0, 1])),
    "multi-discrete": (MultiDiscrete([2, 3]), np.array([1, 0]), np.float32([0, 1, 1, 0, 0])),
    "2-d multi-discrete": (
        MultiDiscrete(np.array([[2], [2]])), np.array([[1], [0]]), np.float32([0, 1, 1, 0])
    ),
    "multi-binary": (MultiBinary(3), np.int8([1, 0, 1]), np.float32([1, 0, 1])),
    "tuple": (Tuple((Discrete(2), Discrete(3))), (1, 2), np.float32([0, 1, 0, 0, 1])),
    "dict": (
        Dict({"b": Discrete(2), "a": Box(-9, 9, (2, 1), np.float32), "say": Text(5)}),
        {"b": 0, "a": np.float32([[3], [4]]), "say": "go"},
        np.float32([3, 4, 1, 0]),  # in Gymnasium's order: by name
    ),
    "pictures last": (
        Dict({"eye": Box(0, 255, (1, 2), np.uint8), "x": Tuple((Discrete(2), Box(-1, 1, ())))}),
        {"eye": np.uint8([[200, 3]]), "x": (1, np.float32(0.5))},
        np.float32([0, 1, 0.5, 200, 3]),
    ),
    "one that is left": (
        Dict({"say": Text(5), "eye": Box(0, 255, (2, 2), np.uint8)}),
        {"say": "", "eye": np.uint8([[1, 2], [3, 4]])}, np.uint8([[[1], [2]], [[3], [4]]]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    space, obs, expected = BY_HAND[name]
    found = encoded(space, obs)
    assert found.dtype == expected.dtype and found.tolist() == expected.tolist()


@pytest.mark.parametrize("name", BY_HAND)
def test_batches_copies_and_files(name: str) -> None:
    space = BY_HAND[name][0]
    space.seed(3)
    encoder, rows = Encoder(space), [space.sample() for _ in range(5)]
    alone = [encoder.encode_batch(row)[0][0] for row in rows]
    batch = gym.vector.utils.concatenate(  # arrays (N, …) in dicts and tuples, as Gymnasium's
        space, rows, gym.vector.utils.create_empty_array(space, 5)
    )
    together, one = encoder.encode_batch(batch)
    assert not one and together.tobytes() == np.array(alone).tobytes()
    if not encoder.plain:
        assert_equal(decode(encoder, together), batch)
    again = Encoder(from_json(to_json(encoder.original)))
    for other in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder)), again):
        assert other.encode_batch(batch)[0].tobytes() == together.tobytes()


def assert_equal(found: Any, wanted: Any) -> None:
    """Arrays in dicts and tuples, with their types; texts are left out."""
    if isinstance(wanted, dict | tuple):
        pairs = wanted.items() if isinstance(wanted, dict) else enumerate(wanted)
        numbers = {key: value for key, value in pairs if not isinstance(key, str) or key != "say"}
        assert len(found) == len(numbers)
        for key, value in numbers.items():
            assert_equal(found[key], value)
    else:
        assert found.dtype == wanted.dtype and np.array_equal(found, wanted)


def test_a_part_alone_is_decoded() -> None:
    space, obs, _ = BY_HAND["pictures last"]
    encoder = Encoder(space)
    rows, _ = encoder.encode_batch(obs)
    assert_equal(decode(encoder, rows, ("eye",)), np.uint8([[[200, 3]]]))
    assert_equal(decode(encoder, rows, ("x", 0)), np.array([1]))


def test_plain_boxes_cost_nothing_and_are_said_nothing_of() -> None:
    for space in (Box(-1, 1, (3,), np.float32), Box(0, 255, (8, 8, 3), np.uint8)):
        encoder = Encoder(space)
        assert (
            encoder.plain and encoder.words() == "" and encoder.original == encoder.space == space
        )
    assert Encoder(Box(-1, 1, (3,), np.float64)).space == Box(-1, 1, (3,), np.float32)


@pytest.mark.parametrize(
    ("shape", "first"),
    [((3, 84, 84), True), ((4, 10, 12), True), ((84, 84, 3), False), ((10, 10, 4), False)],
)
def test_channels_are_found_by_shape_or_told(shape: Any, first: bool) -> None:
    assert channels_first(shape) == first
    turned = (*shape[1:], shape[0])
    box = Box(0, 255, shape, np.uint8)
    assert Encoder(box).space.shape == (turned if first else shape)
    assert Encoder(box, "first").space.shape == turned
    assert Encoder(box, "last").space.shape == shape
    assert "`channels` decides" in Encoder(box).words() or not first


@pytest.mark.parametrize(
    ("space", "obs", "words"),
    [
        (Discrete(3), 3, "3 in an observation"),
        (Discrete(3, start=1), 0, "0 in an observation"),
        (Discrete(3), 0.0, "float64 of shape"),
        (Discrete(3), np.array([1]), r"shape \(1,\)"),
        (MultiDiscrete([2, 3]), np.array([1, 3]), "3 in an observation"),
        (MultiDiscrete([2, 3]), np.array([1.0, 2.0]), "float64"),
        (MultiBinary(2), np.array([0, 2]), "2 in an observation"),
        (Box(0, 255, (2, 2), np.uint8), np.full((2, 2), 300), "300 in an observation"),
        (Box(0, 255, (2, 2), np.uint8), np.full((2, 2), 0.5), "float64"),
        (Dict({"a": Discrete(2), "b": Discrete(2)}), {"a": 1}, "without b"),
        (Dict({"a": Discrete(2), "b": Discrete(2)}), {"a": 1, "b": 2}, "in b 2 in"),
        (Tuple((Discrete(2), Discrete(2))), (1,), "without 1"),
        (Tuple((Discrete(2), Discrete(2))), 1, "without 0"),
    ],
)
def test_what_is_not_of_its_space(space: Any, obs: Any, words: str) -> None:
    encoder = Encoder(space)
    with pytest.raises(Misfit, match=words):
        encoder.encode(obs, np.empty(encoder.space.shape, encoder.space.dtype))


@pytest.mark.parametrize(
    "space",
    [Text(5), Dict({"a": Text(5)}), spaces.Sequence(Discrete(2)),
     Dict({"a": Discrete(2), "b": spaces.Sequence(Discrete(2))})],
)  # fmt: skip
def test_what_cannot_be_an_array_is_refused_in_one_line(space: Any) -> None:
    class Odd(gym.Env[Any, Any]):
        observation_space, action_space = space, Discrete(2)

    with pytest.raises(UserError, match="Odd has .* observations.*expected Box") as error:
        source(Odd)(num_envs=1, seed=0)
    assert "\n" not in str(error.value)


# -- the network ----------------------------------------------------------------------------------
EYES = Dict({
    "image": Box(0, 255, (3, 10, 10), np.uint8), "dir": Discrete(4, start=1), "mission": Text(20),
    "in": Tuple((Box(-np.inf, np.inf, (2,), np.float64), MultiBinary(3))),
})  # fmt: skip


class Seek(gym.Env[Any, Any]):
    """A dot in a picture, to be brought to the right."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space, action_space = EYES, Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def seen(self) -> Any:
        image = np.zeros((3, 10, 10), np.uint8)
        image[:, self.x, 3] = 255
        inner = np.array([self.x / 10, -1.0]), np.int8([0, 1, self.t % 2])
        return {"image": image, "dir": 1 + self.t % 4, "mission": "go", "in": inner}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.x, self.t = int(self.np_random.integers(10)), 0
        return self.seen(), {}

    def step(self, action: Any) -> Any:
        self.t += 1
        self.x = min(max(self.x + (1 if action == 1 else -1), 0), 9)
        return self.seen(), float(self.x == 9), self.x == 9, self.t >= 20, {}

    def render(self) -> Any:
        return self.seen()["image"].transpose(1, 2, 0).copy()


class Grey(Seek):
    """The dot in a picture (84, 84)."""

    observation_space = Box(0, 255, (84, 84), np.uint8)  # type: ignore[assignment]

    def seen(self) -> Any:
        return np.pad(super().seen()["image"][0], 37)

    def render(self) -> Any:
        return self.seen()[..., None].repeat(3, -1)


def test_a_slice_and_branches_by_hand() -> None:
    net = Network([Branches({"a": [Slice(1, 3)], "b": [Linear(1)]})], 3, make_ops("numpy"), 0)
    net.params[:] = [1, 10, 100, 0.5]
    x = np.float32([[1, 2, 3]])
    y, backward = net.forward(x)
    assert y.tolist() == [[2, 3, 321.5]]
    dx = backward(np.float32([[1, 1, 2]]), inputs=True)
    assert dx.tolist() == [[2, 21, 201]]  # Σ over the branches
    assert net.grads.tolist() == [2, 4, 6, 2]
    assert net.spans == {"branches0.b.linear0": slice(0, 4)}
    assert "branches0.a.slice0" in net.describe() and net.multiplications() == [3]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Slice(0, 4, (3,)), "4 values are no"),
        (lambda: Branches({}), "at least 1 layer"),
        (lambda: Network([Slice(2, 5)], 4, make_ops("numpy")), "no part 2"),
        (lambda: Network([Branches({"a": [Slice(0, 4, (2, 2))]})], 4, make_ops("numpy")),
         "put Flatten"),
    ],
)  # fmt: skip
def test_branches_that_cannot_be(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def agent(backend: str = "numpy", **settings: Any) -> Any:
    encoder = Encoder(EYES)
    setup = Setup(encoder.space, Discrete(2), encoder=encoder, backend=backend)
    return build_dqn(DQNConfig(hidden=(8, 8), buffer_size=64, **settings), setup)


def raw(count: int) -> Any:
    rng = np.random.default_rng(5)
    return {
        "image": rng.integers(0, 256, (count, 3, 10, 10)).astype(np.uint8),
        "dir": rng.integers(1, 5, count),
        "in": (rng.normal(size=(count, 2)), rng.integers(0, 2, (count, 3)).astype(np.int8)),
    }


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("conv", [None, "minatar"])
@pytest.mark.parametrize("form", ["npz", "torch", "onnx"])
def test_exports_are_the_policy(form: str, conv: Any, backend: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    policy = agent(backend, conv=conv).policy()
    module: Any = {"npz": export_npz, "torch": export_torch, "onnx": export_onnx}[form]
    path, net = tmp_path / "net", policy.deterministic_net()
    about = policy.about()
    path.write_bytes(module.encode(net, about))
    code = compile(module.reader(net, path, about), form, "exec")
    for i in range(6):
        eyes = raw(6)
        seen = {"image": eyes["image"][i], "dir": eyes["dir"][i]}
        seen["in"] = tuple(each[i] for each in eyes["in"])
        names: dict[str, Any] = {"observation": seen}
        exec(code, names)
        found = names["y"].detach().numpy() if form == "torch" else names["y"]
        np.testing.assert_allclose(found[0], policy.q(seen), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", BY_HAND)
def test_the_code_that_is_shipped_encodes_the_same(name: str) -> None:
    """From the description alone, as a file has it."""
    space, obs, expected = BY_HAND[name]
    names: dict[str, Any] = {"np": np}
    exec(compile(ENCODED, "encoded", "exec"), names)
    about = json.loads(json.dumps(Encoder(space).description()))
    x = names["encoded"](about, obs)
    assert x.dtype == np.float32 and x[0].tolist() == expected.astype(np.float32).tolist()


def test_pictures_have_convolutions_of_their_own_and_bytes_their_scale() -> None:
    names = [name for name, _, _ in agent(conv="minatar").net.stages()]
    assert names[:5] == [
        "branches0.picture0.slice0", "branches0.picture0.scale0", "branches0.picture0.conv2d0",
        "branches0.picture0.relu0", "branches0.picture0.flatten0",
    ]  # fmt: skip
    assert names[5:8] == [
        "branches0.vector.slice0", "branches0.vector.linear0", "branches0.vector.relu0"
    ]  # fmt: skip
    scale = agent().net.layers[0].factor
    assert scale[:9] == (1.0,) * 9 and set(scale[9:]) == {1 / 255}


# -- whole trainings ------------------------------------------------------------------------------
SHORT: dict[str, Any] = {
    "num_envs": 2, "learning_starts": 60, "eval_every": 60, "eval_episodes": 2,
    "eval_max_steps": 30, "buffer_size": 200, "batch_size": 8, "hidden": (8,), "log": "none",
    "checkpoint_every": 60, "progress": False,
}  # fmt: skip
ENVS: dict[str, tuple[Any, dict[str, Any]]] = {
    "FrozenLake-v1": ("FrozenLake-v1", {}), "CliffWalking-v1": ("CliffWalking-v1", {}),
    "Taxi-v4": ("Taxi-v4", {}), "Blackjack-v1": ("Blackjack-v1", {}), "Dict": (Seek, {}),
    "Dict, conv": (Seek, {"conv": "minatar"}), "(84, 84)": (Grey, {"conv": "minatar"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ENVS)
@pytest.mark.filterwarnings("ignore::drl.errors.EnvWarning")  # no time limit, in evaluations
@pytest.mark.filterwarnings("ignore::drl.api.console.TrainingWarning")  # so short: it gets worse
def test_train_save_go_on_verify(name: str, tmp_path: Path) -> None:
    env, settings = ENVS[name]
    if isinstance(env, str) and env not in gym.registry:
        pytest.skip("an older Gymnasium has an older version of it")
    run, out = tmp_path / "run", tmp_path / "policy"
    train("dqn", env, run=run, steps=120, **SHORT, **settings)
    loaded = load_run(run)
    original = loaded.settings["observation_space"]
    assert loaded.verify().same and loaded.verify("checkpoint").same
    policy = loaded.policy()
    policy.save(out)
    again = load_policy(out)
    assert to_json(again.observation_space) == original == to_json(policy.observation_space)
    space = policy.observation_space
    space.seed(1)
    obs = [space.sample() for _ in range(4)]
    assert [int(policy(o)) for o in obs] == [int(again(o)) for o in obs]
    result = loaded.evaluate(episodes=2)
    assert len(result.returns) == 2 and result.returns.tolist() == again_scored(again, run)
    assert loaded.resume(steps=180, progress=False).env_steps == 180
    with pytest.raises(UserError, match="the policy takes"):
        policy("nothing")


def again_scored(policy: Any, run: Path) -> list[float]:
    from drl.api.env import source_of
    from drl.api.score import score

    loaded = load_run(run)
    factory = source_of(loaded.settings, loaded.console)
    return score(policy, factory, 2, settings=loaded.settings).returns.tolist()


def test_discrete_observations_go_on_to_the_bit() -> None:
    one, other = (source("FrozenLake-v1")(num_envs=3, seed=4) for _ in range(2))
    for envs in (one, other):
        envs.prepare()
        envs.reset()
    rng = np.random.default_rng(0)
    for _ in range(30):
        one.step(rng.integers(0, 4, 3))
    state = one.state()
    assert state is not None
    other.load_state(state)
    for _ in range(60):
        actions = rng.integers(0, 4, 3)
        a, b = one.step(actions), other.step(actions)
        assert a.obs.tobytes() == b.obs.tobytes() and a.final_obs.tobytes() == b.final_obs.tobytes()
        assert a.obs.sum(axis=1).tolist() == [1.0] * 3


@pytest.mark.parametrize("env", ["Blackjack-v1", Grey])
def test_workers_show_what_one_process_shows(env: Any) -> None:
    here, there = source(env)(num_envs=3, seed=4), source(env)(num_envs=3, seed=4, workers=2)
    try:
        assert there.observation_space == here.observation_space
        assert there.reset()[0].tobytes() == here.reset()[0].tobytes()
        for _ in range(5):
            a, b = (envs.step(np.ones(3, np.int64)) for envs in (here, there))
            assert a.obs.tobytes() == b.obs.tobytes()
    finally:
        there.close()
