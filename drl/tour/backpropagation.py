"""Chapter 8: backpropagation, each factor of the chain rule beside the code that computes it."""

from __future__ import annotations

import numpy as np

from drl.nn import MLP
from drl.nn.gradcheck import check_network, gradients
from drl.nn.layers import Linear, Sigmoid
from drl.nn.losses import Bernoulli
from drl.tour import odd
from drl.tour.forward import weights
from drl.tour.page import Page

EXAMPLES = 50


def tell(page: Page) -> None:
    """The notes' two derivatives in numpy, in the layers, and by central differences."""
    x = odd.pixels(odd.data().x_train[:EXAMPLES]).astype(np.float64)
    y = odd.is_odd(odd.data().y_train[:EXAMPLES]).astype(np.float64)
    net = MLP(64, 1, hidden=(odd.HIDDEN,), activation="sigmoid", seed=1, dtype="float64")
    bernoulli = Bernoulli(net.ops)

    by_hand = chain_rule(x, y, *weights(net))
    of_code = gradients(net, x, lambda z: bernoulli(z, y))
    checked = check_network(net, x, lambda z: bernoulli(z, y))
    rows = []
    for (formula, mine), name in zip(by_hand.items(), PARAMETERS, strict=True):
        apart = float(abs(mine + of_code[name]).max())  # the loss is −LL/B
        rows.append((formula, name, f"{mine.size:,}", f"{apart:.0e}", f"{checked[name]:.0e}"))
        page.numbers[name] = {"by hand": apart, "differences": checked[name]}

    page.text("""
        To climb the log-likelihood we need its derivative by every parameter, of the output and of
        the hidden layer. Backpropagation is the chain rule, begun at the output, with each factor
        computed once and handed back to the layer before.

        ## The output layer
    """)
    page.equations("""
        ∂LL/∂θ⁽ŷ⁾_j = ∂LL/∂ŷ · ∂ŷ/∂θ⁽ŷ⁾_j

        ∂LL/∂ŷ       = y/ŷ − (1 − y)/(1 − ŷ)        of y log ŷ + (1 − y) log(1 − ŷ)
        ∂ŷ/∂θ⁽ŷ⁾_j   = ŷ(1 − ŷ) h_j                 of ŷ = σ(hᵀθ⁽ŷ⁾), for σ′ = σ(1 − σ)

        multiplied, the fractions go:   ∂LL/∂θ⁽ŷ⁾_j = (y − ŷ) h_j
    """)
    page.text("""
        What is left is *error times input*, as in logistic regression. In the code the loss and
        σ of the output are one, so that the fractions go on paper and never divide by zero: with
        z = hᵀθ⁽ŷ⁾, ∂LL/∂z = y − ŷ. (The loss is −LL/B, so it has the other sign, and 1/B.)
    """)
    page.source(Bernoulli.__call__)
    page.text("""
        ## The hidden layer

        A parameter of hidden neuron j acts through h_j alone, and h_j through ŷ:
    """)
    page.equations("""
        ∂LL/∂θ⁽ʰ⁾_ij = ∂LL/∂ŷ · ∂ŷ/∂h_j · ∂h_j/∂θ⁽ʰ⁾_ij

        ∂ŷ/∂h_j          = ŷ(1 − ŷ) θ⁽ŷ⁾_j          of ŷ = σ(hᵀθ⁽ŷ⁾)
        ∂h_j/∂θ⁽ʰ⁾_ij    = h_j(1 − h_j) x_i         of h_j = σ(xᵀθ⁽ʰ⁾_j)

        together:   ∂LL/∂θ⁽ʰ⁾_ij = (y − ŷ) θ⁽ŷ⁾_j · h_j(1 − h_j) · x_i
    """)
    page.text("""
        Read from left to right it is what the code does from the end to the start. The output's
        `Linear` hands back (y − ŷ)θ⁽ŷ⁾ as its `dy Wᵀ`; `Sigmoid` multiplies it by h(1 − h); and
        the hidden `Linear` multiplies that by x, as its `xᵀ dy`.
    """)
    page.source(Linear.forward, Sigmoid.forward)
    page.text(f"""
        ## Is it right?

        Three ways to the same numbers, on {EXAMPLES} digits in 64 bits. By hand: the formulas
        above, in numpy.
    """)
    page.source(chain_rule)
    page.text("""
        By the network: `backward`. And by differences, which know nothing of any formula: move one
        parameter up and down by ε and see how LL changes, (LL(θ + ε) − LL(θ − ε))/2ε.
    """)
    page.table(
        ("derivative", "in the code", "numbers", "by hand against the code, at most",
         "differences against the code, relative"),
        rows,
    )  # fmt: skip
    page.text("""
        The second column of errors is what differences can do at best: they are right to eight
        digits or more. A wrong sign or a forgotten factor would show as an error near 1.
        `drl check-gradients` does this for every layer and loss.
    """)


PARAMETERS = ("linear0.W", "linear0.b", "linear1.W", "linear1.b")


def chain_rule(
    x: np.ndarray, y: np.ndarray, θ_h: np.ndarray, b_h: np.ndarray, θ_y: np.ndarray, b_y: np.ndarray
) -> dict[str, np.ndarray]:
    """The derivatives of LL/N by the parameters of both layers, factor by factor."""
    h = 1 / (1 + np.exp(-(x @ θ_h + b_h)))  # (N, 20)
    ŷ = 1 / (1 + np.exp(-(h @ θ_y + b_y)))  # (N, 1)
    dŷ = (y / ŷ - (1 - y) / (1 - ŷ)) / len(x)  # ∂LL/∂ŷ
    dz = dŷ * ŷ * (1 - ŷ)  # through the output's σ: (y − ŷ)/N
    dh = dz @ θ_y.T  # ∂LL/∂h
    dz_h = dh * h * (1 - h)  # through the hidden σ
    return {
        "∂LL/∂θ⁽ʰ⁾": x.T @ dz_h,
        "∂LL/∂ hidden intercepts": dz_h.sum(axis=0),
        "∂LL/∂θ⁽ŷ⁾": h.T @ dz,
        "∂LL/∂ output intercept": dz.sum(axis=0),
    }
