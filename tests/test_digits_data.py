"""Data sets: the shipped digits, MNIST found, checked and fetched, own files."""

import gzip
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from drl.errors import UserError
from drl.supervised import data, idx, mnist

RNG = np.random.default_rng(0)
ARRAYS = {  # like MNIST, but small
    "x_train": RNG.integers(0, 256, (20, 6, 5), np.uint8),
    "y_train": np.arange(20, dtype=np.uint8) % 10,
    "x_test": RNG.integers(0, 256, (10, 6, 5), np.uint8),
    "y_test": np.arange(10, dtype=np.uint8),
}


def put(directory, arrays=ARRAYS, suffix=".gz"):
    directory.mkdir(parents=True, exist_ok=True)
    for key, array in arrays.items():
        idx.write(directory / f"{mnist.FILES[key]}{suffix}", array)
    return directory


@pytest.fixture
def small(monkeypatch):
    """ARRAYS count as MNIST."""
    monkeypatch.setattr(mnist, "SHA256", {key: idx.sha256(a) for key, a in ARRAYS.items()})
    for variable in ("DRL_DATA", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)


# -- the digits in the package --------------------------------------------------------------------
def test_digits_are_the_uci_ones():
    full = idx.read(data.UCI / "images-idx3-ubyte.gz")
    labels = idx.read(data.UCI / "labels-idx1-ubyte.gz")
    assert full.shape == (1797, 8, 8) and full.max() == 16
    # the first row of optdigits.tes
    first = "0 0 5 13 9 1 0 0 0 0 13 15 10 15 5 0 0 3 15 2 0 11 8 0 0 4 12 0 0 8 8 0"
    assert full[0, :4].ravel().tolist() == [int(n) for n in first.split()]
    assert labels[:12].tolist() == [*range(10), 0, 1]
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # scikit-learn's load_digits as bytes
    digest = hashlib.sha256(full.tobytes() + labels.tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_digits_come_ready_for_a_network():
    d = data.load("digits")
    assert d.image_shape == (8, 8, 1) and d.classes == 10
    assert d.x_train.shape == (1438, 8, 8, 1) and d.x_test.shape == (359, 8, 8, 1)
    assert d.x_train.dtype == np.float32 and d.y_train.dtype == np.int64
    assert d.x_train.min() == 0.0 and d.x_train.max() == 1.0


def test_split_is_stratified_whole_and_by_seed():
    labels = np.repeat(np.arange(3), [10, 20, 35])
    rest, chosen = data.stratified_split(labels, 0.2, np.random.default_rng(5))
    assert np.bincount(labels[chosen]).tolist() == [2, 4, 7]
    assert sorted(np.concatenate([rest, chosen])) == list(range(65))
    a, b, c = (data.load("digits", seed=seed) for seed in (3, 3, 4))
    assert a.x_test.tobytes() == b.x_test.tobytes() != c.x_test.tobytes()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnits", "did you mean mnist?"),
        ("digit", "did you mean digits?"),
        ("iris", "digits, mnist"),
    ],
)
def test_unknown_name(name, words):
    with pytest.raises(UserError, match=f"unknown data set '{name}'.*{words.replace('?', '.')}"):
        data.load(name)


# -- own files ------------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_own_directory(tmp_path, suffix):
    d = data.load(str(put(tmp_path / "mine", suffix=suffix)))
    assert d.name == "mine" and d.image_shape == (6, 5, 1)
    np.testing.assert_allclose(d.x_train[..., 0], ARRAYS["x_train"] / 255, rtol=1e-6)
    np.testing.assert_array_equal(d.y_test, ARRAYS["y_test"])


@pytest.mark.parametrize(
    ("key", "array", "words"),
    [
        ("x_train", ARRAYS["x_train"][:19], "19 train images but 20 train labels"),
        ("x_test", ARRAYS["x_test"][:, :5], "training images are 6×5, test images 5×5"),
        ("x_test", ARRAYS["y_test"], "test images must be N×H×W unsigned bytes"),
        ("y_train", ARRAYS["y_train"].astype(np.int32), "labels must be N unsigned bytes"),
        ("y_test", ARRAYS["y_test"] + np.uint8(1), "test labels go up to 10"),
    ],
)
def test_own_files_that_do_not_belong_together(tmp_path, key, array, words):
    with pytest.raises(UserError, match=words):
        data.load(str(put(tmp_path, ARRAYS | {key: array})))


def test_own_directory_without_a_file(tmp_path):
    (put(tmp_path) / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"no t10k-labels-idx1-ubyte\[.gz\]"):
        data.load(str(tmp_path))


# -- MNIST: found and checked ---------------------------------------------------------------------
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("below", [".", "mnist"])
def test_mnist_is_found(tmp_path, monkeypatch, below):
    put(tmp_path / below)
    assert data.load("mnist", tmp_path).x_train.shape == (20, 6, 5, 1)
    monkeypatch.setenv("DRL_DATA", str(tmp_path))
    assert data.load("mnist").name == "mnist"


@pytest.mark.usefixtures("small")
def test_mnist_is_found_in_the_cache_and_under_other_names(tmp_path, monkeypatch):
    directory = put(tmp_path / "drl" / "mnist", suffix="")
    for path in list(directory.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert len(data.load("mnist").y_test) == 10


@pytest.mark.usefixtures("small")
def test_other_files_are_not_mnist(tmp_path):
    changed = ARRAYS["x_test"].copy()
    changed[0, 0, 0] ^= 1
    put(tmp_path, ARRAYS | {"x_test": changed})
    with pytest.raises(UserError, match="t10k-images-idx3-ubyte.gz: not MNIST's file.*`data="):
        data.load("mnist", tmp_path)
    assert data.load(str(tmp_path)).image_shape == (6, 5, 1)  # but anyone's own data


# -- MNIST: fetched -------------------------------------------------------------------------------
@pytest.fixture
def mirror():
    """A server on the loopback: path → the bytes it answers with, or how many it breaks off at."""
    answers: dict[str, bytes] = {}
    broken: dict[str, int] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path not in answers:
                self.send_error(404)
                return
            body = answers[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: broken.get(self.path)])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    server.url, server.answers, server.broken, server.asked = (
        f"http://127.0.0.1:{server.server_port}", answers, broken, asked,
    )  # fmt: skip
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def packed(key):
    header = bytes([0, 0, 8, ARRAYS[key].ndim])
    sizes = np.array(ARRAYS[key].shape, ">u4").tobytes()
    return gzip.compress(header + sizes + ARRAYS[key].tobytes())


@pytest.mark.usefixtures("small")
def test_missing_files_are_fetched_once(tmp_path, monkeypatch, mirror):
    monkeypatch.setattr(mnist, "MIRRORS", (f"{mirror.url}/",))
    for key, name in mnist.FILES.items():
        mirror.answers[f"/{name}.gz"] = packed(key)
    d = data.load("mnist", tmp_path)
    np.testing.assert_array_equal(d.y_train, ARRAYS["y_train"])
    assert sorted(p.name for p in (tmp_path / "mnist").iterdir()) == sorted(
        f"{name}.gz" for name in mnist.FILES.values()
    )
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    data.load("mnist", tmp_path)
    assert len(mirror.asked) == 5 and mirror.asked[-1] == "/t10k-labels-idx1-ubyte.gz"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("fault", ["absent", "another file", "a page", "broken off", "too large"])
def test_a_faulty_mirror_is_passed_over(tmp_path, monkeypatch, mirror, fault):
    monkeypatch.setattr(mnist, "MIRRORS", (f"{mirror.url}/bad/", f"{mirror.url}/good/"))
    for key, name in mnist.FILES.items():
        mirror.answers[f"/good/{name}.gz"] = mirror.answers[f"/bad/{name}.gz"] = packed(key)
    path = "/bad/train-images-idx3-ubyte.gz"
    if fault == "absent":
        del mirror.answers[path]
    elif fault == "another file":
        mirror.answers[path] = packed("x_test")
    elif fault == "a page":
        mirror.answers[path] = b"<html>captive portal</html>"
    elif fault == "broken off":
        mirror.broken[path] = 100
    else:
        monkeypatch.setattr(mnist, "LARGEST", 10_000)
        mirror.answers[path] = b"\0" * 20_000
    data.load("mnist", tmp_path)
    assert "/good/train-images-idx3-ubyte.gz" in mirror.asked
    assert len(list((tmp_path / "mnist").iterdir())) == 4  # nothing half is left


@pytest.mark.usefixtures("small")
def test_offline_says_which_files_to_put_where(tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(mnist, "MIRRORS", (f"http://127.0.0.1:{unused.getsockname()[1]}/",))
        with pytest.raises(UserError) as caught:
            data.load("mnist", tmp_path)
    message = str(caught.value)
    assert "\n" not in message and str(tmp_path / "mnist") in message and "refused" in message
    for name in mnist.FILES.values():
        assert f"{name}.gz" in message
    assert list(tmp_path.rglob("*")) == []


def test_the_mirrors_are_public_https():
    assert len(mnist.MIRRORS) == 2
    assert all(url.startswith("https://") and url.endswith("/") for url in mnist.MIRRORS)
