"""The supervised loop: it learns, repeats itself, and goes on from a state to the same bytes."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drl.errors import Diverged, UserError
from drl.experiment import checkpoint
from drl.nn import Conv, Pool
from drl.supervised import data, training
from drl.supervised.augment import Warp
from drl.supervised.presets import LARGE, SMALL, Preset, preset
from drl.supervised.training import Training, cross_entropy, probabilities

DIGITS = data.load("digits", seed=10)
FEW = data.Dataset(
    "few", DIGITS.x_train[:100], DIGITS.y_train[:100], DIGITS.x_test[:50], DIGITS.y_test[:50]
)
SHORT = Preset(
    epochs=3, batch_size=16, lr=0.01, decay=0.1, hidden=(12,), warp=Warp(0.3, 5, 0.05, 0.3)
)
SHORT_CONV = replace(SHORT, conv=(Conv(4, 3), Pool(2)))


def params(job):
    return job.net.ops.numpy(job.net.params).tobytes()


# -- the loop -------------------------------------------------------------------------------------
def test_reports(monkeypatch):
    monkeypatch.setattr(training, "REPORT_EVERY", 3)
    job = Training(FEW, SHORT, seed=11)
    reports = list(job)
    assert job.updates == 21 and job.updates_per_epoch == 7  # ⌈100/16⌉, the last of 4 images
    assert [r.update for r in reports] == [3, 6, 7, 10, 13, 14, 17, 20, 21]
    assert [r.test_accuracy is not None for r in reports] == [False, False, True] * 3
    assert reports[2].epochs == 1.0 and reports[0].learning_rate < 0.01
    rates = [r.learning_rate for r in reports]
    assert rates == sorted(rates, reverse=True) and rates[-1] < 1e-4
    p = probabilities(job.net, FEW.x_test)
    assert reports[-1].test_accuracy == (p.argmax(1) == FEW.y_test).mean()
    assert list(job) == []  # nothing is left to do


def test_every_image_is_seen_once_an_epoch(monkeypatch):
    seen = []
    job = Training(FEW, replace(SHORT, warp=None), seed=11)
    learn = job._learn
    monkeypatch.setattr(job, "_learn", lambda x, t: seen.append((x, t)) or learn(x, t))
    for _ in job:
        pass
    for epoch in (seen[:7], seen[7:14]):
        images = np.concatenate([x for x, _ in epoch])
        assert sorted(map(bytes, images)) == sorted(map(bytes, FEW.x_train))
    assert seen[0][0].tobytes() != seen[7][0].tobytes()  # in another order
    position = np.flatnonzero((FEW.x_train == seen[0][0][0]).all(axis=(1, 2, 3)))
    assert FEW.y_train[position[0]] == seen[0][1][0]


def test_first_report_is_the_mean_over_its_minibatches():
    """Each minibatch counts by its images, with the loss before its own update."""
    one = replace(SHORT, warp=None, epochs=1)
    job, again = Training(FEW, one, seed=11), Training(FEW, one, seed=11)
    report = next(iter(job))
    order = np.random.default_rng(np.random.SeedSequence(11).spawn(3)[1]).permutation(100)
    losses = []
    for start in range(0, 100, 16):
        chosen = order[start : start + 16]
        x, t = FEW.x_train[chosen], FEW.y_train[chosen]
        losses += [cross_entropy(probabilities(again.net, x), t)] * len(chosen)
        again._learn(x, t)
    assert report.loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_probabilities_and_their_loss():
    net = Training(FEW, SHORT, seed=11).net
    p = probabilities(net, FEW.x_test, batch=7)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(p, probabilities(net, FEW.x_test), rtol=1e-5)
    p = np.array([[0.5, 0.5], [0.0, 1.0], [0.25, 0.75]])
    assert cross_entropy(p[[0, 2]], np.array([0, 1])) == pytest.approx(np.log(8 / 3) / 2)
    assert np.isfinite(cross_entropy(p, np.array([0, 0, 1])))


# -- seeds and states -----------------------------------------------------------------------------
@pytest.mark.parametrize("preset", [SHORT, SHORT_CONV], ids=["mlp", "conv"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_same_seed_same_bytes_and_resume_is_exact(tmp_path, monkeypatch, backend, preset):
    """Through a file, from the middle of an epoch and from the end of one."""
    monkeypatch.setattr(training, "REPORT_EVERY", 4)
    whole = Training(FEW, preset, seed=12, backend=backend)
    reports = []
    for n, report in enumerate(whole):
        reports.append(report)
        checkpoint.save(tmp_path / f"{n}", whole.state())
    for n in (0, 1, len(reports) - 2):
        resumed = Training(FEW, preset, seed=12, backend=backend)
        resumed.load_state(checkpoint.load(tmp_path / f"{n}"))
        assert list(resumed) == reports[n + 1 :]
        assert params(resumed) == params(whole)
    other = Training(FEW, preset, seed=13, backend=backend)
    list(other)
    assert params(other) != params(whole)


def test_both_array_libraries_learn_the_same():
    jobs = [Training(FEW, SHORT_CONV, 12, backend, "float64") for backend in ("numpy", "torch")]
    ends = [list(job)[-1] for job in jobs]
    assert ends[0].loss == pytest.approx(ends[1].loss, rel=1e-8)
    a, b = (job.net.ops.numpy(job.net.params) for job in jobs)
    np.testing.assert_allclose(a, b, atol=1e-8)


@pytest.mark.parametrize("other", [replace(SHORT, hidden=(13,)), SHORT])
def test_a_foreign_state_is_refused(other):
    fewer = data.Dataset("x", FEW.x_train[:90], FEW.y_train[:90], FEW.x_test, FEW.y_test)
    state = Training(FEW, SHORT).state()
    job = Training(fewer if other == SHORT else FEW, other)
    before = params(job)
    with pytest.raises(UserError, match="have the data or the settings changed"):
        job.load_state(state)
    assert params(job) == before


# -- what goes wrong ------------------------------------------------------------------------------
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_divergence_is_one_line(backend):
    wild = Preset(epochs=30, batch_size=16, lr=1e30, hidden=(12,))
    with pytest.raises(Diverged, match="norm of linear0's parameters is NaN or Inf at update 1$"):
        list(Training(FEW, wild, backend=backend))


def test_a_network_that_does_not_fit_the_images():
    with pytest.raises(UserError, match="few and these settings do not fit.*kernel"):
        Training(FEW, replace(SHORT, conv=(Conv(4, 9),)))


@pytest.mark.parametrize(
    "bad",
    [{"epochs": 0}, {"batch_size": -1}, {"lr": 0.0}, {"lr": float("nan")}, {"hidden": (8, 0)}],
)
def test_recipes_refuse_what_cannot_be(bad):
    with pytest.raises(UserError, match="not possible"):
        replace(SHORT, **bad)


# -- presets --------------------------------------------------------------------------------------
@pytest.mark.parametrize("known", [*SMALL.values(), *LARGE.values()])
def test_recipes_survive_json(known):
    import json

    settings = json.loads(json.dumps(known.settings() | {"seed": 1}))
    assert Preset.from_settings(settings) == known


def test_recipe_by_size():
    assert preset("conv", (8, 8, 1)) is SMALL["conv"]
    assert preset("conv", (28, 28, 1)) is LARGE["conv"]
    with pytest.raises(UserError, match="unknown model 'cnn'; expected logistic, mlp, conv"):
        preset("cnn", (8, 8, 1))


@pytest.mark.parametrize(("model", "bar"), [("logistic", 0.945), ("mlp", 0.975), ("conv", 0.97)])
def test_recipes_learn_the_small_digits(model, bar):
    """A third of the epochs, one split not among the reported: near the bars already."""
    known = SMALL[model]
    *_, last = Training(DIGITS, replace(known, epochs=known.epochs // 3), seed=10)
    assert last.test_accuracy >= bar


BARS = {
    "digits": {"logistic": 0.955, "mlp": 0.980, "conv": 0.988},
    "mnist": {"logistic": 0.920, "mlp": 0.984, "conv": 0.992},
}


def mnist_is_here():
    place = os.environ.get("DRL_DATA")
    return place is not None and any(Path(place).rglob("train-images*"))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["logistic", "mlp", "conv"])
@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_accuracy_over_three_seeds(name, model):
    if name == "mnist" and not mnist_is_here():
        pytest.skip("MNIST's files are not in $DRL_DATA")
    scores = []
    for seed in range(3):
        d = data.load(name, seed=seed)
        *_, last = Training(d, preset(model, d.image_shape), seed=seed)
        scores.append(last.test_accuracy)
    assert np.mean(scores) >= BARS[name][model], scores
