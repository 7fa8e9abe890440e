"""What a missing package is said to be installed by."""

from importlib.metadata import PackageNotFoundError

import pytest

from drl import extras

STATED = [
    "numpy>=2.0", 'onnx>=1.17; extra == "onnx"', 'onnxruntime>=1.20; extra == "onnx"',
    'matplotlib>=3.9; extra == "plot"', 'drl-toolkit[onnx]; extra == "dev"',
]  # fmt: skip


def test_where_torch_is_not_the_extra_would_bring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "requires", lambda name: STATED)
    monkeypatch.setattr(extras, "installed", lambda name: False)
    assert extras.how("onnx") == "pip install 'onnx>=1.17' 'onnxruntime>=1.20'"
    assert extras.how("plot") == "pip install 'matplotlib>=3.9'"
    assert extras.how("fast") == "pip install 'drl-toolkit[fast]'"  # nothing is known of it
    monkeypatch.setattr(extras, "installed", lambda name: name == "torch")
    assert extras.how("onnx") == "pip install 'drl-toolkit[onnx]'"


def test_of_a_checkout_on_the_path_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "requires", missing)
    monkeypatch.setattr(extras, "installed", lambda name: False)
    assert extras.how("onnx") == "pip install 'drl-toolkit[onnx]'"
