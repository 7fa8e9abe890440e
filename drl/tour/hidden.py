"""Chapter 4: a hidden layer of logistic regressions, and one more that looks at them."""

from __future__ import annotations

import numpy as np

from drl.nn import MLP
from drl.tour import odd
from drl.tour.page import Page


def tell(page: Page) -> None:
    """The network, how much better it is, its weights as images, and the need for σ."""
    (net, curve), (neuron, low) = odd.with_hidden_layer(), odd.one_neuron()
    page.text(f"""
        Chapter 3 ended with a wish: better features than pixels. So let neurons make them. Between
        the pixels and the answer we put a *hidden layer* of {odd.HIDDEN} neurons. Each is its own
        logistic regression: all see the same x, each has its own weights. The output is one more
        logistic regression, and its features are the hidden neurons. (x and h have a 1 among them,
        for the intercepts.)
    """)
    page.equations(f"""
        hⱼ = σ(xᵀ θⱼ⁽ʰ⁾)          j = 1 … {odd.HIDDEN}: each hidden neuron has its own θⱼ⁽ʰ⁾
        ŷ  = σ(hᵀ θ⁽ŷ⁾)           the same neuron again, one layer on
    """)
    page.source(odd.with_hidden_layer)
    page.text("""
        Training is what it was: `climb` of chapter 3, gradient ascent on the same log-likelihood.
        Only the derivatives pass through two layers now (chapter 8).
    """)
    compare(page, net, neuron)
    with page.figure("curves", "Mean log-likelihood of the training digits", 6.5, 2.8) as figure:
        ax = figure.subplots()
        ax.plot(curve, label=f"{odd.HIDDEN} hidden neurons")
        ax.plot(low, label="one neuron")
        ax.set(xlabel="epoch", ylabel="LL(θ) / N")
        ax.legend(fontsize=9)
    look_inside(page, net)
    without_sigma(page, net)


def compare(page: Page, net: MLP, neuron: MLP) -> None:
    """Right answers of both, on digits seen and not seen, and whether the first weights matter."""
    data = odd.data()
    x, y = odd.pixels(data.x_train), odd.is_odd(data.y_train)
    x_test, y_test = odd.pixels(data.x_test), odd.is_odd(data.y_test)
    found = {
        name: [odd.accuracy(n, x, y), odd.accuracy(n, x_test, y_test)]
        for name, n in (("one", neuron), ("hidden", net))
    }
    others = []
    for seed in (2, 3):
        other = MLP(64, 1, hidden=(odd.HIDDEN,), activation="sigmoid", seed=seed)
        odd.climb(other, x, y, 1.0, epochs=100)
        others.append(odd.accuracy(other, x_test, y_test))
    page.numbers.update(found, others=others)
    page.table(
        ["right, in per cent", "training digits", "test digits"],
        [["one neuron", *(f"{share:.1f}" for share in found["one"])],
         [f"{odd.HIDDEN} hidden neurons", *(f"{share:.1f}" for share in found["hidden"])]],
    )  # fmt: skip
    wrong = [round((100 - found[name][1]) / 100 * len(y_test)) for name in ("one", "hidden")]
    page.text(f"""
        Of {len(y_test)} test digits {wrong[0]} were wrong, now {wrong[1]} are. It is not the luck
        of the first weights: two other draws of them end at
        {" % and ".join(f"{share:.1f}" for share in others)} %.
    """)


def look_inside(page: Page, net: MLP) -> None:
    """Each hidden neuron's weights on the pixels, in the order of its say in the answer."""
    W, say = net.layers[0].W, net.layers[2].W[:, 0]  # type: ignore[attr-defined]
    order = np.argsort(-say)
    page.numbers.update(say=say[order].tolist())
    page.text(f"""
        ## What the hidden neurons look for

        Each image is one θⱼ⁽ʰ⁾: ink on red switches the neuron on, ink on blue off. The number is
        its own weight in θ⁽ŷ⁾. {int((say > 0).sum())} of them speak for odd when they are on,
        {int((say < 0).sum())} for even; the nearer a number is to 0, the less that neuron
        counts. Nobody told them what to look for: each came to look for what raised the likelihood.
    """)
    caption = "The hidden neurons, from the one that speaks most for odd to most for even"
    with page.figure("hidden", caption, 9, 2.4) as figure:
        for ax, j in zip(figure.subplots(2, odd.HIDDEN // 2).ravel(), order, strict=False):
            odd.draw_weights(ax, W[:, j], f"{say[j]:+.1f}")
    example = int(np.argmax(odd.data().y_test == 8))  # the digit that chapter 3 missed most
    image = odd.pixels(odd.data().x_test)[example : example + 1]
    h = net.layers[1].forward(net.layers[0].forward(image)[0])[0][0, order]
    page.numbers.update(h=h.tolist())
    page.text(f"""
        Shown the first 8 of the test digits, {int((h > 0.5).sum())} of the {len(h)} are more on
        than off, and the output makes of them ŷ = {1 / (1 + np.exp(-net(image)[0, 0])):.4f}, the
        probability that it is odd. A feature is no longer a pixel, but a pattern.
    """)


def without_sigma(page: Page, net: MLP) -> None:
    """Two linear layers are one: shown on the weights that were trained."""
    first, last = net.layers[0], net.layers[2]
    x = odd.pixels(odd.data().x_test)
    two = last.forward(first.forward(x)[0])[0]
    merged = MLP(64, 1, hidden=())
    W, b = first.W, first.b  # type: ignore[attr-defined]
    merged.params[:64] = (W @ last.W)[:, 0]  # type: ignore[attr-defined]
    merged.params[64:] = b @ last.W + last.b  # type: ignore[attr-defined]
    gap = float(np.abs(two - merged(x)).max() / np.abs(two).max())
    page.numbers.update(gap=gap)
    page.text("""
        ## Why σ has to be in between

        Take the σ of the hidden layer away, and the sums of sums are one sum again: a single neuron
        whose weights are the product of the two layers' weights.
    """)
    page.equations("(x W₁ + b₁) W₂ + b₂ = x (W₁W₂) + (b₁W₂ + b₂)")
    page.text(f"""
        Done with the weights above, on all test digits, the two sides agree to {gap:.7f} of the
        largest value, which is float32's rounding. So all that a hidden layer can do beyond one
        neuron it owes to σ.
    """)
