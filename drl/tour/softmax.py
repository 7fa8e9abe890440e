"""Chapter 9.  Many outputs: ten neurons at the end, and the probability of the right one."""

from __future__ import annotations

from functools import cache

import numpy as np

from drl.nn import MLP
from drl.nn.losses import SoftmaxCrossEntropy
from drl.nn.optim import Adam
from drl.supervised.report import accuracy, confusion_matrix
from drl.supervised.training import probabilities
from drl.tour.odd import BATCH, data, pixels
from drl.tour.page import Page

HIDDEN, EPOCHS = 20, 30


def learn(net: MLP, x: np.ndarray, labels: np.ndarray, epochs: int, seed: int = 0) -> list[float]:
    """Descend −log p[label], BATCH images at a time: the mean loss of each epoch."""
    rng = np.random.default_rng(seed)
    loss, optimizer = SoftmaxCrossEntropy(net.ops), Adam(net, lr=1e-2)
    curve = []
    for _ in range(epochs):
        losses = []
        for batch in np.array_split(rng.permutation(len(x)), len(x) // BATCH):
            z, backward = net.forward(x[batch])
            value, dz = loss(z, labels[batch])
            backward(dz)
            optimizer.step()
            losses.append(float(value))
        curve.append(float(np.mean(losses)))
    return curve


@cache
def classifier() -> tuple[MLP, list[float]]:
    """The hidden layer of the last chapters, with ten outputs."""
    net = MLP(64, 10, hidden=(HIDDEN,), activation="sigmoid", seed=1)
    return net, learn(net, pixels(data().x_train), data().y_train, EPOCHS)


def tell(page: Page) -> None:
    """From one Bernoulli to one right class of ten."""
    d = data()
    page.text("""
        So far the last neuron answered yes or no. Which digit it is has ten answers, so ten neurons
        stand at the end, each with its own θ. Their sums z are called *logits*; softmax makes of
        them ten probabilities that add up to 1.

        ## The likelihood
    """)
    page.equations("""
        p[k]  = exp(z[k]) / Σ_j exp(z[j])            softmax
        LL(θ) = Σ_i log p_i[t_i]                     t_i: the right class of image i
        L     = −LL/n                                cross-entropy: the same, to be made small
    """)
    page.text("""
        It is still maximum likelihood: a Bernoulli of two outcomes has become a categorical of ten.
        With two logits, z and 0, softmax is σ(z).

        ## The gradient
    """)
    page.equations("""
        ∂L/∂z[k] = p[k] − 1[k = t]                   for one image
    """)
    page.source(SoftmaxCrossEntropy.__call__)

    fresh = MLP(64, 10, hidden=(HIDDEN,), activation="sigmoid", seed=1)
    net, curve = classifier()
    image, label = pixels(d.x_test[:1]), d.y_test[:1]
    rows, loss = [], SoftmaxCrossEntropy(net.ops)
    for name, one in (("before", fresh), ("after", net)):
        value, dz = loss(one(image), label)
        p, dz = probabilities(one, image)[0], dz[0]
        rows += [[f"{name}: p", *(f"{v:.3f}" for v in p)]]
        rows += [[f"{name}: ∂L/∂z", *(f"{v:+.3f}" for v in dz)]]
        page.numbers[f"gradient_{name}"] = [float(v) for v in dz]
        page.numbers[f"loss_{name}"] = float(value)
    page.text(f"""
        The difference of what is believed and what is true, as with the odd digits, ten times. For
        the first test image, which is a {label[0]}, before and after learning:
    """)
    page.table(["", *map(str, range(10))], rows)
    page.text(f"""
        Only the right class is negative: its logit is raised, the nine others are lowered, each by
        as much as it was believed. The ten add up to 0. Learning took the loss of this image from
        {page.numbers["loss_before"]:.2f} (log 10 is {np.log(10):.2f}) to
        {page.numbers["loss_after"]:.4f}.

        ## Ten digits, {HIDDEN} hidden neurons

        Behind the output nothing changes: `backward(dz)` is the backpropagation of chapter 8.
    """)
    page.source(learn)
    p = probabilities(net, pixels(d.x_test))
    matrix = confusion_matrix(d.y_test, p.argmax(axis=1))
    wrong = matrix - np.diag(np.diag(matrix))
    test = 100 * accuracy(p, d.y_test)
    train = 100 * accuracy(probabilities(net, pixels(d.x_train)), d.y_train)
    page.numbers |= {"parameters": net.size, "train_accuracy": train, "test_accuracy": test}
    page.numbers |= {"curve": curve, "confusion": matrix.tolist()}
    page.text(f"""
        {net.size:,} parameters, {EPOCHS} epochs of Adam: {train:.1f} % of the {len(d.y_train):,}
        training images are right, and {test:.1f} % of the {len(d.y_test)} that it never saw:
        {wrong.sum()} mistakes, of no kind more than {wrong.max()}.
    """)
    with page.figure("confusion", "The loss, and who is taken for whom", 8, 3.6) as figure:
        axes = figure.subplots(1, 2)
        left, right = axes[0], axes[1]
        left.plot(range(1, EPOCHS + 1), curve)
        left.set(xlabel="epoch", ylabel="L", yscale="log", title="mean loss of the epoch")
        right.imshow(np.sqrt(matrix), cmap="Blues")
        right.set(xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
        right.set_title(f"{test:.1f} % right")
        for (k, j), count in np.ndenumerate(matrix):
            if count:
                ink = "white" if k == j else "firebrick"
                right.text(j, k, str(count), ha="center", va="center", color=ink, fontsize=8)
