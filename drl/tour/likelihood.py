"""Chapter 7: the log-likelihood, which scores parameters by the labels that were seen."""

from __future__ import annotations

import numpy as np

from drl.nn import MLP
from drl.nn.layers import sigmoid
from drl.nn.losses import Bernoulli
from drl.tour import odd
from drl.tour.forward import in_64_bits
from drl.tour.page import Page


def tell(page: Page) -> None:
    """LL by its formula and as minus the loss; good, random and sure but wrong parameters."""
    x, y = odd.pixels(odd.data().x_test), odd.is_odd(odd.data().y_test)
    trained, _ = odd.with_hidden_layer()
    neuron, _ = odd.one_neuron()
    fresh = MLP(64, 1, hidden=(odd.HIDDEN,), activation="sigmoid", seed=2)
    opposite, _ = Bernoulli(trained.ops)(-trained(x), y)  # σ(−z) = 1 − ŷ
    scores = {
        "the last row's, output with the other sign": -float(opposite),
        "as drawn at the start": odd.log_likelihood(fresh, x, y),
        "one neuron, trained": odd.log_likelihood(neuron, x, y),
        f"{odd.HIDDEN} hidden neurons, trained": odd.log_likelihood(trained, x, y),
    }
    exact, x_exact = in_64_bits(trained), x.astype(np.float64)
    z = exact(x_exact)
    by_hand = mean_log_likelihood(1 / (1 + np.exp(-z)), y)
    rounded = int((sigmoid(trained.ops, trained(x)) == 1).sum())
    difference = abs(by_hand - odd.log_likelihood(exact, x_exact, y))
    page.numbers.update(scores=list(scores.values()), difference=difference, rounded=rounded)

    page.text("""
        After the forward pass we have a probability for each example. How good are the parameters?
        They are good if they give what really happened a high probability. A label y is a coin
        that shows 1 with probability ŷ: a Bernoulli variable.
    """)
    page.equations("""
        P(Y = y | x) = ŷ^y (1 − ŷ)^(1 − y)                       ŷ if y = 1, 1 − ŷ if y = 0
        L(θ)  = Πᵢ ŷᵢ^yᵢ (1 − ŷᵢ)^(1 − yᵢ)                        all examples, independent
        LL(θ) = Σᵢ yᵢ log ŷᵢ + (1 − yᵢ) log(1 − ŷᵢ)               its logarithm: sums, not products
    """)
    page.source(mean_log_likelihood)
    page.text("""
        It is the formula of logistic regression (chapter 1), letter by letter: only what computes
        ŷ has grown. Where LL is highest L is highest too, since the logarithm only rises; and a
        product of some thousand probabilities is 0 in a computer's numbers, their sum of logarithms
        is not.

        LL is never above 0, where every label was given probability 1. Guessing ½ throughout scores
        log ½ a label. The mean of the test digits:
    """)
    page.table(("parameters", "LL / N"), [(name, f"{s:.4f}") for name, s in scores.items()])
    sure = -float(np.log(0.01))
    page.numbers["sure"] = sure
    page.text(f"""
        Being sure and wrong is what costs: ŷ = 0.01 for a label that is 1 costs {sure:.2f}, as much
        as {sure / np.log(2):.1f} guesses of ½.
    """)
    with page.figure("likelihood", "What one label adds to LL, by ŷ", 6, 3) as figure:
        at = np.linspace(0.005, 0.995, 200)
        ax = figure.subplots()
        ax.plot(at, np.log(at), label="y = 1: log ŷ")
        ax.plot(at, np.log(1 - at), label="y = 0: log(1 − ŷ)")
        ax.set(xlabel="ŷ", ylabel="log-likelihood of the label")
        ax.legend()
        ax.grid(alpha=0.3)
    page.text(f"""
        ## In the code: minus the mean, from z

        A library minimises, so the loss is −LL/B, the mean over a batch of B. And it starts from
        z, with ŷ = σ(z), rather than from ŷ. In the 32 bits of the network the sure ŷ are rounded
        to 1, here those of {rounded} test digits; log(1 − ŷ) is then −∞, and 0 · −∞ no
        number. From z nothing is lost: log(1 − σ(z)) is close to −z.
    """)
    page.source(Bernoulli)
    page.text(f"""
        The formula at the top and minus this loss, both in 64 bits, differ by {difference:.0e} on
        the trained network.
    """)


def mean_log_likelihood(ŷ: np.ndarray, y: np.ndarray) -> float:
    """LL/N of labels y given probabilities ŷ, both (N, 1)."""
    return float(np.mean(y * np.log(ŷ) + (1 - y) * np.log(1 - ŷ)))
