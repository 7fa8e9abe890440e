"""Chapter 5: the forward pass, by hand and by the network, in the same numbers."""

from __future__ import annotations

import numpy as np

from drl.nn import MLP
from drl.nn.layers import Linear, Sigmoid, sigmoid
from drl.tour import odd
from drl.tour.page import Page


def tell(page: Page) -> None:
    """One image through the trained network of chapter 4, neuron by neuron."""
    net = in_64_bits(odd.with_hidden_layer()[0])
    x = odd.pixels(odd.data().x_test[:1]).astype(np.float64)  # (1, 64)
    label = int(odd.data().y_test[0])
    θ_h, b_h, θ_y, b_y = weights(net)

    h = 1 / (1 + np.exp(-(x @ θ_h + b_h)))  # (1, 20)
    ŷ = 1 / (1 + np.exp(-(h @ θ_y + b_y)))  # (1, 1)
    difference = float(abs(ŷ - sigmoid(net.ops, net(x))).max())
    page.numbers.update(probability=float(ŷ[0, 0]), difference=difference, label=label)

    page.text(f"""
        Forward means: given the input and the parameters, compute everything else, layer by layer.
        First the hidden layer is *activated*, then the output. The network is that of chapter 4:
        64 pixels, {odd.HIDDEN} hidden neurons, one output, the probability that the digit is odd.
    """)
    page.equations("""
        h_j = σ(xᵀ θ⁽ʰ⁾_j)          each hidden neuron: the same input, parameters of its own
        ŷ   = σ(hᵀ θ⁽ŷ⁾)            the output: a logistic regression on the hidden values
    """)
    page.text(f"""
        The image is a {label}. These are the values of the hidden neurons, the weights with which
        the output takes them in, and what each adds to z = hᵀθ⁽ŷ⁾:
    """)
    strongest = np.argsort(-abs(h[0] * θ_y[:, 0]))[:5]
    page.table(
        ("hidden neuron", "h", "weight", "adds"),
        [
            (j, f"{h[0, j]:.3f}", f"{θ_y[j, 0]:+.2f}", f"{h[0, j] * θ_y[j, 0]:+.2f}")
            for j in strongest
        ],
    )
    z = float((h @ θ_y + b_y)[0, 0])
    page.text(f"""
        (The five that add most.) With all {odd.HIDDEN} and the intercept z = {z:.2f}, and
        ŷ = σ(z) = {ŷ[0, 0]:.6f}: the network says **{"odd" if z > 0 else "even"}**.

        ## A layer is one line

        All neurons of a layer, for all examples of a batch, are one matrix product: a row of x an
        example, a column of W a neuron.
    """)
    page.source(Linear.forward, Sigmoid.forward)
    page.text(f"""
        Below each operation stands its derivative; that is chapter 8. The two formulas above,
        written out in numpy, and the network's own forward pass differ by {difference:.0e}, both
        in 64 bits, which hold some 16 digits. (Training used 32 bits, some 7 digits.)
    """)
    with page.figure("forward", "The pixels, the hidden values, and the answer", 7, 2.2) as figure:
        axes = figure.subplots(1, 3, width_ratios=(1, 2.5, 0.7))
        left, middle, right = axes[0], axes[1], axes[2]
        left.imshow(x.reshape(8, 8), cmap="Greys")
        left.set(xticks=[], yticks=[], title=f"x: a {label}")
        middle.bar(range(odd.HIDDEN), h[0], color="#2a9d5c")
        middle.set(ylim=(0, 1), xlabel="hidden neuron", title="h")
        right.bar(["odd"], ŷ[0], color="#3b6fb6")
        right.set(ylim=(0, 1), title="ŷ")


def in_64_bits(net: MLP) -> MLP:
    """The same 64-20-1 network and parameters, computed in float64."""
    copy = MLP(64, 1, hidden=(odd.HIDDEN,), activation="sigmoid", dtype="float64")
    copy.params[:] = net.params
    return copy


def weights(net: MLP) -> tuple[np.ndarray, ...]:
    """θ⁽ʰ⁾ (64, 20) and its intercepts (20,), θ⁽ŷ⁾ (20, 1) and its intercept (1,)."""
    hidden, _, output = net.layers
    assert isinstance(hidden, Linear) and isinstance(output, Linear)
    return hidden.W, hidden.b, output.W, output.b  # type: ignore[return-value]
