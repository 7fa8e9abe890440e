"""Exported networks: outputs equal ours, by the code that the user is given."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import latest

from agents import DQNConfig, build_head, build_network
from agents.dqn.deterministic import deterministic_network
from drl import load_run
from drl.cli.main import main
from drl.errors import UserError
from drl.experiment.run import Run
from drl.export import npz as export_npz
from drl.export import onnx as export_onnx
from drl.export import torch as export_torch
from drl.nn import (
    MLP,
    BatchRenorm,
    Conv,
    Conv2d,
    Flatten,
    Linear,
    Network,
    Normalise,
    Pool,
    Tanh,
    make_ops,
)
from drl.spaces import to_json
from drl.supervised import idx, job
from drl.supervised.data import load
from drl.supervised.training import of_bytes

ROOT = Path(__file__).resolve().parents[1]
NUMPY, CARTPOLE, DIGITS, ONNX, LAKE, PLAY, *_ = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs/export.md").read_text(), re.DOTALL
)
FORMATS = ("npz", "torch", "onnx")
NETS: dict[str, dict[str, Any]] = {
    "dense": {"input_shape": 4, "outputs": 2, "hidden": (8, 8), "scale": (0.4, 0.5, 5.0, 0.5)},
    "tanh": {"input_shape": 3, "outputs": 2, "hidden": (8,), "activation": "tanh", "scale": 0.1},
    "sigmoid": {"input_shape": 3, "outputs": 5, "hidden": (8,), "activation": "sigmoid"},
    "normalised": {"input_shape": 3, "outputs": 2, "hidden": (8,), "normalise": True, "scale": 2.0},
    "normalised images": {
        "input_shape": (6, 5, 2), "outputs": 2, "conv": (Conv(4, 3),), "normalise": True,
    },
    "layer norm": {"input_shape": 3, "outputs": 2, "hidden": (8, 5), "layer_norm": True},
    "layer norm, conv": {
        "input_shape": (6, 5, 2), "outputs": 2, "conv": (Conv(4, 3), Pool(2)), "layer_norm": True,
        "hidden": (5,),
    },
    "neither hidden nor bias": {"input_shape": 3, "outputs": 2, "hidden": (), "bias": False},
    "flattened images": {"input_shape": (5, 4, 3), "outputs": 2, "hidden": (8,), "scale": 1 / 255},
    "conv": {
        "input_shape": (11, 9, 3), "outputs": 4, "hidden": (8,), "scale": (0.5, 1.0, 2.0),
        "conv": (Conv(5, 3, stride=2, padding=1), Conv(6, 2), Pool(2)), "activation": "tanh",
    },
    "pooled first": {"input_shape": (7, 5, 2), "outputs": 2, "conv": (Pool(2), Conv(3, 2))},
    "conv without bias": {
        "input_shape": (8, 8, 1), "outputs": 3, "conv": (Conv(4, 3),), "bias": False,
        "backend": "torch",
    },
    "double": {"input_shape": (6, 6, 2), "outputs": 2, "conv": (Conv(4, 3),), "dtype": "float64"},
}  # fmt: skip


def inputs(net: MLP, count: int = 7) -> np.ndarray:
    x = np.random.default_rng(1).normal(size=(count, *net.input_shape))
    return x.astype(net.ops.numpy(net.params).dtype)


def outputs(form: str, code: str, x: np.ndarray) -> np.ndarray:
    """What the code, as it is printed, makes of x."""
    names: dict[str, Any] = {"x": x.astype(np.float32) if form == "onnx" else x}
    exec(compile(code, form, "exec"), names)
    if form == "torch":
        y: np.ndarray = names["net"](names["torch"].from_numpy(x)).detach().numpy()
        return y
    return np.asarray(names["y"])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", NETS)
def test_outputs_equal_ours(name: str, form: str, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    net = MLP(**NETS[name], seed=3)
    moved = np.random.default_rng(2).normal(size=net.size) * 0.1  # the biases too
    net.params[:] += net.ops.asarray(moved)
    for layer in net.layers:
        if isinstance(layer, Normalise):  # some inputs are cut
            layer.merge(np.full(layer.shape, 0.3), np.full(layer.shape, 0.01), 5.0)
    module = {"npz": export_npz, "torch": export_torch, "onnx": export_onnx}[form]
    path = tmp_path / 'a "file"'
    path.write_bytes(module.encode(net, {"job": "test"}))  # type: ignore[attr-defined]
    code = module.reader(net, path, {})  # type: ignore[attr-defined]
    for count in (1, 7):
        x = inputs(net, count)
        ours = net.ops.numpy(net(x))
        np.testing.assert_allclose(outputs(form, code, x), ours, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("shape", [3, (5, 4, 2)])
def test_batch_renormalisation_by_its_running_statistics(
    form: str, shape: int | tuple[int, ...], tmp_path: Path
) -> None:
    if form == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    first = [Linear(5)] if shape == 3 else [Conv2d(5, 2)]
    rest = [BatchRenorm(), Tanh(), Flatten(), Linear(4), BatchRenorm(), Linear(2)]
    net = Network([BatchRenorm(), *first, *rest], shape, make_ops("numpy"), 3)
    rng = np.random.default_rng(0)
    net.params[:] += rng.normal(size=net.size).astype(np.float32) * 0.1
    for layer in net.buffered:
        layer.buffers["mean"][:] = rng.normal(size=layer.buffers["mean"].shape)
        layer.buffers["variance"][:] = rng.uniform(0.1, 2, layer.buffers["mean"].shape)
        layer.buffers_changed()
    module = {"npz": export_npz, "torch": export_torch, "onnx": export_onnx}[form]
    path = tmp_path / "file"
    path.write_bytes(module.encode(net, {"job": "test"}))  # type: ignore[attr-defined]
    x = rng.normal(size=(7, *net.input_shape)).astype(np.float32)
    found = outputs(form, module.reader(net, path, {}), x)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, net(x), rtol=1e-5, atol=1e-5)


KINDS: dict[str, dict[str, Any]] = {
    "mean": {}, "dueling": {"dueling": True}, "noisy": {"noisy": True}, "qr": {"head": "qr"},
    "dueling noisy qr": {"dueling": True, "noisy": True, "head": "qr"},
}  # fmt: skip
OBSERVATIONS: dict[str, tuple[tuple[int, ...], Any, dict[str, Any]]] = {
    "normalised": ((4,), np.float32, {"scale": (0.4, 0.5, 5.0, 0.5), "normalise_obs": True}),
    "vector": ((4,), np.float32, {"scale": (0.4, 0.5, 5.0, 0.5)}),
    "bytes": ((10, 10, 4), np.uint8, {"conv": "minatar"}),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_agent(kind: str, observation: str, form: str, tmp_path: Path) -> None:
    """The file's outputs are the greedy agent's Q, from its own head, without noise."""
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    shape, dtype, more = OBSERVATIONS[observation]
    config = DQNConfig(hidden=(16, 8), **KINDS[kind], **more)
    rng = np.random.default_rng(4)
    net = build_network(config, shape, dtype, 3, rng)
    net.params[:] += rng.normal(size=net.size).astype(np.float32) * 0.1
    head = build_head(config, net.ops, 3, rng)
    net.resample(None)
    x = rng.normal(size=(7, *shape)).astype(np.float32)
    if dtype == np.uint8:
        x = rng.integers(256, size=(7, *shape)).astype(np.float32)
    q = net.ops.numpy(head.mean(head.outputs(net, net.ops.asarray(x))))
    module = {"npz": export_npz, "torch": export_torch, "onnx": export_onnx}[form]
    shipped = deterministic_network(head, net)
    path = tmp_path / "net"
    path.write_bytes(module.encode(shipped, {}))  # type: ignore[attr-defined]
    code = module.reader(shipped, path, {})  # type: ignore[attr-defined]
    np.testing.assert_allclose(outputs(form, code, x), q, rtol=1e-5, atol=1e-5)


# -- through the command, from runs --------------------------------------------------------------
@pytest.fixture(scope="module")
def cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("export") / "dqn"
    short = ["--steps", "600", "--log", "none", "--eval-every", "250", "--eval-episodes", "2"]
    assert main(["train", "dqn", "--run", str(run), "--json", *short]) == 0
    return run


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("export") / "digits"
    short = ["--model", "conv", "--epochs", "1", "--log", "none"]
    assert main(["train", "digits", "--run", str(run), "--json", *short]) == 0
    return run


def export(run: Path, out: Path, *args: str) -> int:
    return main(["export", str(run), "--out", str(out), *args])


def network(run: Path, policy: Any = "best") -> MLP:
    return load_run(run).network(policy)


def test_numpy_forward_of_the_docs(cartpole: Path, digits: Path, tmp_path: Path) -> None:
    assert len([line for line in NUMPY.splitlines() if line]) < 20
    assert not re.search("drl|agents|envs|torch", NUMPY)
    names: dict[str, Any] = {}
    exec(compile(NUMPY, "docs/export.md", "exec"), names)
    for run in (cartpole, digits):
        out = tmp_path / f"{run.name}.npz"
        assert export(run, out, "--format", "npz") == 0
        net = network(run)
        y = names["forward"](np.load(out, allow_pickle=False), inputs(net))
        np.testing.assert_allclose(y, net(inputs(net)), atol=1e-5)
    assert NUMPY == export_npz.FORWARD  # what is printed is what is documented


def test_torch_modules_of_the_docs(
    cartpole: Path, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for run, code, file in ((cartpole, CARTPOLE, "policy.pt"), (digits, DIGITS, "digits.pt")):
        assert export(run, Path(file), "--format", "torch") == 0
        net = network(run)
        np.testing.assert_allclose(outputs("torch", code, inputs(net)), net(inputs(net)), atol=1e-5)
        assert code == export_torch.reader(net, Path(file), {})


def test_onnx_of_the_docs(
    cartpole: Path, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    for run in (cartpole, digits):
        out = Path("policy.onnx")
        assert export(run, out, "--format", "onnx", "--force") == 0
        net = network(run)
        np.testing.assert_allclose(outputs("onnx", ONNX, inputs(net)), net(inputs(net)), atol=1e-5)
        model = onnx.load(out)
        assert [opset.version for opset in model.opset_import] == [17] and model.ir_version == 8


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("export") / "lake"
    short = ["--steps", "300", "--log", "none", "--eval-every", "300", "--eval-episodes", "2"]
    of = ["--env", "FrozenLake-v1", "--hidden", "8", "--learning-starts", "50"]
    assert main(["train", "dqn", *of, "--run", str(run), "--json", *short]) == 0
    return run


def test_onnx_of_the_docs_plays_frozen_lake(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By onnxruntime, from what the file says alone."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    out = Path("lake.onnx")
    assert load_run(lake).export(out).code == LAKE
    assert not re.search("drl|agents|envs", LAKE + PLAY)
    policy = load_run(lake).policy()
    names: dict[str, Any] = {}
    for observation in range(16):
        names["observation"] = observation
        exec(compile(LAKE, "docs/export.md", "exec"), names)
        np.testing.assert_allclose(names["y"][0], policy.q(observation), rtol=1e-5, atol=1e-6)
    exec(compile(PLAY, "docs/export.md", "exec"), names)
    assert names["over"] and names["earned"] in (0.0, 1.0)
    model = onnx.load(out)
    words = "An observation of the environment as a vector: Discrete(16) one-hot, 16"
    assert model.doc_string == model.graph.input[0].doc_string == words


@pytest.mark.parametrize("form", FORMATS)
def test_the_file_says_what_was_done_to_an_observation(
    form: str, lake: Path, cartpole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    expected: dict[Path, Any] = {
        lake: {
            "words": "Discrete(16) one-hot, 16", "shape": [16], "left_out": [],
            "space": {"kind": "Discrete", "n": 16, "start": 0, "dtype": "int64"},
            "parts": [
                {"path": [], "kind": "one-hot", "shape": [16], "counts": [16], "first": [0]}
            ],
        },
        cartpole: {
            "words": "", "shape": [4], "left_out": [],
            "space": to_json(load_run(cartpole).policy().observation_space),
            "parts": [{"path": [], "kind": "numbers", "shape": [4]}],
        },
    }  # fmt: skip
    for run, observation in expected.items():
        out = tmp_path / run.name
        assert export(run, out, "--format", form, "--json") == 0
        printed = json.loads(capsys.readouterr().out)
        if form == "npz":
            about = json.loads(str(np.load(out)["description"]))
        elif form == "torch":
            import torch

            about = torch.load(out, weights_only=True).about
        else:
            import onnxruntime

            told = onnxruntime.InferenceSession(out).get_modelmeta().custom_metadata_map
            about = {name: json.loads(told[name]) for name in ("observation", "action_space")}
        assert about["observation"] == printed["observation"] == observation
        assert about["action_space"]["kind"] == "Discrete"
        assert about["action_space"]["n"] == printed["outputs"]


def test_a_policy_describes_itself(lake: Path, cartpole: Path) -> None:
    first, second, third, *_ = load_run(lake).policy().describe().splitlines()
    assert first == "Discrete(16) → Discrete(4)" and third.startswith("layer ")
    assert second == "observations: Discrete(16) one-hot, 16"
    assert load_run(lake).settings["observations"] == "Discrete(16) one-hot, 16"
    assert load_run(lake).policy().state()["policy"]["observations"] == "Discrete(16) one-hot, 16"
    lines = load_run(cartpole).policy().describe().splitlines()
    assert lines[0].startswith("Box(") and lines[1].startswith("layer ")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("own", [False, True], ids=["the package's", "one's own"])
@pytest.mark.parametrize("model", ["logistic", "mlp", "conv"])
def test_digits_take_the_bytes_of_the_files(
    model: str, own: bool, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a reader of the files has them, unscaled: our own predictions of the test images."""
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    if own:
        rng = np.random.default_rng(0)
        for part, count in (("train", 60), ("t10k", 40)):
            images = rng.integers(256, size=(count, 16, 16)).astype(np.uint8)
            idx.write(tmp_path / f"{part}-images-idx3-ubyte", images)
            idx.write(
                tmp_path / f"{part}-labels-idx1-ubyte", (np.arange(count) % 10).astype(np.uint8)
            )
    data = load(str(tmp_path) if own else "digits", seed=1)
    raw = np.rint(data.x_test * data.white)
    assert raw.max() == (255 if own else 16)
    run = tmp_path / "run"
    short = ["--model", model, "--epochs", "1", "--log", "none", "--seed", "1", "--json"]
    where = ["--data", str(tmp_path)] if own else []
    assert main(["train", "digits", "--run", str(run), *short, *where]) == 0
    capsys.readouterr()
    assert export(run, tmp_path / "net", "--format", form, "--json") == 0
    code = json.loads(capsys.readouterr().out)["code"]
    task = job.restore(load_run(run).settings)
    task.load_state(latest(run)["task"])
    net = task.net
    y = outputs(form, code, raw.astype(np.float32))
    np.testing.assert_allclose(y, net.ops.numpy(net(data.x_test)), rtol=1e-5, atol=1e-4)


def test_shipping_a_network_leaves_it_whole() -> None:
    """The layers of what is shipped are its own."""
    config = DQNConfig(hidden=(8,), conv="minatar", dueling=True)
    net = build_network(config, (10, 10, 2), np.uint8, 3, 1)
    shipped = [deterministic_network(build_head(config, net.ops, 3, np.random.default_rng(0)), net)]
    digits = MLP((9, 9, 1), 10, (8,), conv=(Conv(4, 3),))
    shipped.append(of_bytes(digits, 255))
    for original, other in zip((net, digits), shipped, strict=True):
        x = np.ones((2, *original.input_shape), np.float32)
        other.load(np.zeros(other.size, np.float32))
        assert not other(x).any() and original(x).any()
        original.load(np.zeros(original.size, np.float32))
        assert not original(x).any()


def test_json_tells_all_that_is_printed(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "net.npz"
    assert export(digits, out, "--format", "npz", "--json") == 0
    finished = json.loads(capsys.readouterr().out)
    assert (
        finished["input_shape"] == [8, 8, 1]
        and finished["outputs"] == 10
        and finished["policy"] == "last"
    )
    assert finished["bytes"] == out.stat().st_size
    description = json.loads(str(np.load(out)["description"]))
    assert description["job"] == "digits" and description["layers"][0]["kind"] == "scale"


def test_best_and_last_are_two(cartpole: Path) -> None:
    best, last = network(cartpole, "best"), network(cartpole, "last")
    with Run.open(cartpole) as run:
        assert np.array_equal(best.params, run.load_best()["net"])
        assert np.array_equal(last.params, run.load_latest()["task"]["agent"]["net"])
    assert not np.array_equal(best.params, last.params)


def test_a_file_is_not_overwritten_unless_forced(
    cartpole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    out.write_text("dear to me")
    assert export(cartpole, out, "--format", "npz") == 2
    assert "--force" in capsys.readouterr().err and out.read_text() == "dear to me"
    assert export(cartpole, out, "--format", "npz", "--force") == 0
    assert "description" in np.load(out)


def test_mistakes(
    cartpole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert export(cartpole, tmp_path / "nowhere" / "net", "--format", "npz") == 2
    assert "cannot write" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    assert export(cartpole, tmp_path / "net", "--format", "onnx") == 2
    assert "pip install 'drl-toolkit[onnx]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("head", ["c51", "iqn"])
def test_what_is_no_plain_network_is_one_line(
    head: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    short = ["--steps", "300", "--log", "none", "--eval-every", "250", "--eval-episodes", "1"]
    assert main(["train", "dqn", "--head", head, "--run", str(run), "--json", *short]) == 0
    capsys.readouterr()
    assert export(run, tmp_path / "net", "--format", "npz") == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1 and f"--head {head}" in error
    assert not (tmp_path / "net").exists()


def test_a_policy_of_other_settings_is_refused(cartpole: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(cartpole, tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    document = json.loads(config.read_text())
    document["settings"]["hidden"] = [32]
    config.write_text(json.dumps(document))
    for policy in ("best", "last"):
        with pytest.raises(UserError, match="does not fit its config.json"):
            network(tmp_path / "run", policy)
