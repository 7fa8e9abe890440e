"""Networks with a state in files: the state goes in and comes out."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drl.export.npz as export_npz
import drl.export.onnx as export_onnx
import drl.export.torch as export_torch
from drl.errors import UserError
from drl.nn import GRU, Conv2d, Flatten, Linear, Recurrent, ReLU, Scale, Tanh, make_ops
from drl.nn.branches import Branches

ROOT = Path(__file__).resolve().parents[1]
FORMS = {"npz": export_npz, "torch": export_torch, "onnx": export_onnx}
NETS: dict[str, tuple[Any, Any]] = {
    "dense around it": (
        4, lambda: [Scale((0.4, 0.5, 5.0, 0.5)), Linear(8), ReLU(), GRU(6), Linear(3)],
    ),
    "alone": (3, lambda: [GRU(5)]),
    "first": (3, lambda: [GRU(5), Tanh(), Linear(2)]),
    "two of them": (3, lambda: [GRU(4), Linear(5), Tanh(), GRU(1), Linear(2)]),
    "behind pictures": (
        (5, 4, 2), lambda: [Scale(1 / 255), Conv2d(3, 2), ReLU(), Flatten(), GRU(4)],
    ),
}  # fmt: skip


def network(name: str, library: str = "numpy", dtype: str = "float32") -> Recurrent:
    shape, layers = NETS[name]
    net = Recurrent(layers(), shape, make_ops(library, dtype), seed=3)
    moved = np.random.default_rng(2).normal(size=net.size) * 0.3  # the biases too
    net.params[:] = net.params + net.ops.asarray(moved)
    return net


def played(form: str, code: str, xs: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """All outputs, and the last states, of the code as it is printed, step by step from zeros."""
    names: dict[str, Any] = {"x": xs[0], "np": np}
    exec(compile(code, form, "exec"), names)
    if form == "torch":
        torch, net = names["torch"], names["net"]
        ys, h = [], torch.zeros(xs.shape[1], size, dtype=torch.from_numpy(xs).dtype)
        for x in xs:
            y, h = net(torch.from_numpy(x), h)
            ys.append(y.detach().numpy())
        return np.stack(ys), h.detach().numpy()
    *_, last = code.strip().splitlines()  # the line that makes a step
    ys = [names["y"]]
    for x in xs[1:]:
        names["x"] = x
        exec(compile(last, form, "exec"), names)
        ys.append(names["y"])
    return np.stack(ys), names["h"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETS)
def test_outputs_and_states_equal_ours(name: str, form: str, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    net = network(name)
    path = tmp_path / 'a "file"'
    path.write_bytes(FORMS[form].encode(net, {"job": "test"}))  # type: ignore[attr-defined]
    code = FORMS[form].reader(net, path, {})  # type: ignore[attr-defined]
    for count in (1, 7):
        xs = np.random.default_rng(1).normal(size=(4, count, *net.input_shape)).astype(np.float32)
        y, states, _ = net.unroll(xs.reshape(-1, *net.input_shape), net.initial(count))
        made, last = played(form, code, xs, net.state_size)
        np.testing.assert_allclose(made.reshape(y.shape), y, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(last, states[-count:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_an_observation_is_encoded_besides(form: str, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    part = {"path": [], "kind": "one-hot", "counts": [3], "first": 0, "shape": [3]}
    about = {"observation": {"words": "one-hot", "parts": [part], "shape": [3]}}
    net, names = network("first"), {"observation": 1}
    (tmp_path / "net").write_bytes(FORMS[form].encode(net, about))  # type: ignore[attr-defined]
    code = FORMS[form].reader(net, tmp_path / "net", about)  # type: ignore[attr-defined]
    exec(compile(code, form, "exec"), names)
    ours = net.unroll(np.eye(3)[[1]], net.initial(1))
    for made, own in zip((names["y"], names["h"]), ours, strict=False):
        made = made.detach().numpy() if form == "torch" else made
        np.testing.assert_allclose(made, own, rtol=1e-5, atol=1e-5)


def test_double_precision_stays(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    net = network("two of them", "torch", "float64")
    (tmp_path / "net").write_bytes(export_torch.encode(net, {}))
    xs = np.random.default_rng(1).normal(size=(3, 2, 3))
    made, _ = played("torch", export_torch.reader(net, tmp_path / "net", {}), xs, net.state_size)
    y = net.ops.numpy(net.unroll(xs.reshape(-1, 3), net.initial(2))[0])
    np.testing.assert_allclose(made.reshape(y.shape), y, rtol=1e-12)


def test_the_file_tells_of_its_state(tmp_path: Path) -> None:
    net = network("dense around it")
    (tmp_path / "net.npz").write_bytes(export_npz.encode(net, {}))
    file = np.load(tmp_path / "net.npz")
    description = json.loads(str(file["description"]))
    assert description["state_size"] == 6
    assert [layer["kind"] for layer in description["layers"]][3:] == ["gru", "linear"]
    assert file["gru0.U"].shape == (6, 18) and file["gru0.c"].shape == (6,)
    onnx = pytest.importorskip("onnx")
    graph = onnx.load_from_string(export_onnx.encode(net, {})).graph
    assert [end.name for end in graph.input] == ["x", "h"]
    assert [end.name for end in graph.output] == ["y", "h_next"]


@pytest.mark.parametrize("form", FORMS)
def test_states_inside_branches_are_refused(form: str) -> None:
    layers = [Branches({"a": [GRU(2)], "b": [Linear(1)]}), Linear(2)]
    net = Recurrent(layers, 3, make_ops("numpy"))
    with pytest.raises(UserError, match="both branches and a state"):
        FORMS[form].encode(net, {})  # type: ignore[attr-defined]


def test_what_is_printed_is_what_is_documented() -> None:
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(), re.DOTALL
    )
    layers = [Flatten(), Linear(16), Tanh(), GRU(16), Linear(2)]
    net = Recurrent(layers, 2, make_ops("numpy"))
    for form, block in zip(("npz", "torch", "onnx"), blocks[-3:], strict=True):
        assert block in FORMS[form].reader(net, Path("policy.onnx"), {})  # type: ignore[attr-defined]
