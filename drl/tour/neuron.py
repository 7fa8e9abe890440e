"""Chapter 2: a neuron is a logistic regression; its sum, its σ, and the slope of σ."""

from __future__ import annotations

import numpy as np

from drl.nn import MLP
from drl.nn.layers import Sigmoid
from drl.nn.losses import Bernoulli
from drl.nn.ops import make_ops
from drl.nn.optim import SGD
from drl.tour.page import Page

THETA = np.array([-0.5, 1.0, 2.0, -1.5])  # θ₀ is the bias
X = np.array([1.0, 0.8, 0.5, 0.2])  # x₀ is always 1


def tell(page: Page) -> None:
    """One neuron by hand and by MLP, σ′, what weights and bias do, and one step of learning."""
    net = MLP(3, 1, hidden=(), dtype="float64")
    net.params[:] = [*THETA[1:], THETA[0]]  # the vector holds the weights first, then the bias
    z, by_net = float(THETA @ X), float(net(X[None, 1:])[0, 0])
    page.numbers.update(z=z, by_net=by_net, p=sigma(z))
    page.text("""
        Drawn as an image, logistic regression is a *neuron*: inputs come in, each along a line
        with a weight, they are added up, and one number goes out.
    """)
    draw_neuron(page)
    page.equations("""
        z = θᵀx = θ₀ · 1 + θ₁x₁ + … + θₙxₙ          ŷ = σ(z)
    """)
    terms = [f"({weight:g}) · {value:g}" for weight, value in zip(THETA, X, strict=True)]
    page.text(f"""
        With the numbers in the image: z = {" + ".join(terms)} = {z:.2f} and
        ŷ = σ({z:.2f}) = {sigma(z):.4f}. In this package a neuron is an `MLP` without hidden layer.
        It gives z, which is what the loss wants; for these numbers it says z = {by_net:.2f}.

        ## σ and its derivative

        σ squeezes any sum into a probability. Its derivative needs nothing but its value:
    """)
    page.equations("σ′(z) = σ(z) (1 − σ(z))")
    page.source(Sigmoid.forward)
    derivative(page)
    page.text("""
        The slope is greatest at z = 0, where the neuron is undecided, and almost nothing where it
        is sure: a gradient that passes through a sure neuron (chapter 8) shrinks.

        ## What weights and bias do

        A larger weight makes the neuron more decided about the same input; a negative one turns
        the curve round. The bias moves the place where ŷ = ½, to x = −θ₀/θ₁.
    """)
    draw_weights_and_bias(page)
    learn(page, net)


def sigma(z: float) -> float:
    return float(1 / (1 + np.exp(-z)))


def derivative(page: Page) -> None:
    """σ′ by the layer's own backward, beside a difference quotient."""
    layer, at, h = Sigmoid(), np.array([-4.0, -2.0, 0.0, 2.0, 4.0]), 1e-5
    layer.bind(make_ops("numpy", "float64", "cpu"), {})
    value, backward = layer.forward(at)
    slope = backward(np.ones_like(at))
    quotient = (layer.forward(at + h)[0] - layer.forward(at - h)[0]) / (2 * h)
    page.numbers.update(value=value.tolist(), slope=slope.tolist(), quotient=quotient.tolist())
    page.table(
        ["z", "σ(z)", "σ′(z), by `backward`", "(σ(z + h) − σ(z − h)) / 2h"],
        [[f"{row[0]:g}", *(f"{v:.6f}" for v in row[1:])]
         for row in zip(at, value, slope, quotient, strict=True)],
    )  # fmt: skip


def learn(page: Page, net: MLP) -> None:
    """One step of ascent on one example with label 1."""
    x = X[None, 1:]
    z, backward = net.forward(x)
    _, dz = Bernoulli(net.ops)(z, np.ones((1, 1)))
    backward(-dz)
    SGD(net, 1.0, ascent=True).step()
    before, after = sigma(float(z[0, 0])), sigma(float(net(x)[0, 0]))
    page.numbers.update(before=before, after=after, gradient=net.grads.tolist())
    page.text(f"""
        ## How it learns

        By the rule of chapter 1 each weight moves by its own input times the error: if this
        example's label is 1, then ∂LL/∂θⱼ = (1 − {before:.4f}) xⱼ, and the gradient is
        ({", ".join(f"{g:.4f}" for g in (net.grads[-1], *net.grads[:-1]))}), bias first. The inputs
        that were strongly on move most. One step with η = 1 raises ŷ from {before:.4f} to
        {after:.4f}.
    """)


def draw_neuron(page: Page) -> None:
    with page.figure("neuron", "A neuron: the weighted sum of its inputs, then σ", 7, 3) as figure:
        ax = figure.subplots()
        for j, (weight, value) in enumerate(zip(THETA, X, strict=True)):
            height = 1.5 - j
            ax.plot([0, 2.4], [height, 0], color="#c0392b" if weight > 0 else "#1f77b4",
                    linewidth=1.5 * abs(weight), zorder=1)  # fmt: skip
            ax.text(1.0, height * 0.58, f"θ{'₀₁₂₃'[j]} = {weight:g}", backgroundcolor="white",
                    fontsize=9, ha="center", va="center")  # fmt: skip
            ax.scatter(0, height, s=350, color="white", edgecolor="black", zorder=2)
            ax.text(-0.2, height, f"x{'₀₁₂₃'[j]} = {value:g}", ha="right", va="center")
        ax.plot([2.4, 4.6], [0, 0], color="black", zorder=1)
        for at, sign in ((2.4, "Σ"), (3.6, "σ")):
            ax.scatter(at, 0, s=900, color="white", edgecolor="black", zorder=2)
            ax.text(at, 0, sign, fontsize=14, ha="center", va="center", zorder=3)
        ax.text(3.0, 0.12, "z", fontsize=11, ha="center")
        ax.text(4.7, 0, f"ŷ = {sigma(float(THETA @ X)):.3f}", fontsize=11, va="center")
        ax.set(xlim=(-1.2, 5.8), ylim=(-1.9, 1.9))
        ax.axis("off")


def draw_weights_and_bias(page: Page) -> None:
    s = 1 / (1 + np.exp(-(at := np.linspace(-6, 6, 200))))
    with page.figure("sigma", "σ and its derivative; weights; biases", 10, 3) as figure:
        axes = figure.subplots(1, 3, sharey=True)
        axes[0].plot(at, s, label="σ(z)")
        axes[0].plot(at, s * (1 - s), "--", label="σ′(z)")
        for weight in (0.5, 1, 4, -1):
            axes[1].plot(at, 1 / (1 + np.exp(-weight * at)), label=f"θ₁ = {weight:g}")
        for bias in (-3, 0, 3):
            axes[2].plot(at, 1 / (1 + np.exp(-(at + bias))), label=f"θ₀ = {bias:g}")
        for ax, name in zip(axes, ("z", "x₁", "x₁"), strict=False):
            ax.set(xlabel=name, yticks=[0, 0.25, 0.5, 1])
            ax.legend(fontsize=8)
