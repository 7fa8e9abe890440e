"""Chapter 1: logistic regression as maximum likelihood, and what a step size does."""

from __future__ import annotations

import numpy as np

from drl.tour.page import Page
from drl.tour.two_or_six import likelihood, steepest, two_or_six, walk, with_intercept

STEPS = 100
COLOURS = {"small": "#e08214", "good": "#2a9d5c", "large": "#c0392b"}


def tell(page: Page) -> None:
    """P(it is a 6), from one feature of a digit; three walks up its log-likelihood."""
    x, y = two_or_six()
    inputs = with_intercept(x)
    best = walk(inputs, y, step_size=0.5, steps=5_000)[-1]
    alone = walk(x[:, None], y, step_size=0.5, steps=5_000)[-1]
    top, without = likelihood(inputs, y, best), likelihood(x[:, None], y, alone)
    right = 100 * float(((inputs @ best > 0) == y[:, 0]).mean())
    page.numbers.update(best=top, without=without, right=right)
    page.text(f"""
        We want a number between 0 and 1: the probability that the label is 1, given the input.
        Here the input is one feature of a handwritten digit, *how much more ink its lower half has
        than its upper half*. The label is 1 if the digit is a 6 and 0 if it is a 2. There are
        {len(x)} such digits to learn from.
    """)
    page.equations("""
        P(Y = 1 | x) = σ(θᵀx)          σ(z) = 1 / (1 + e⁻ᶻ)
    """)
    page.text("""
        ## The intercept is one more feature

        σ(0) = ½, so with that feature alone the curve passes through ½ at x = 0 whatever θ is. We
        give every input one extra feature that is always 1; its weight θ₀ is the intercept, the
        *bias* of a neuron.
    """)
    page.equations("θᵀx = θ₀ · 1 + θ₁ · x₁")
    page.source(with_intercept)
    page.text(f"""
        Without an intercept the best mean log-likelihood is {without:.4f}, with it {top:.4f}:
        closer to 0 is better. With θ = ({best[0]:.2f}, {best[1]:.2f}) the curve crosses ½ at
        x = {-best[0] / best[1]:.2f}, and {right:.1f} % of the digits lie on their own side of it.
    """)
    draw_fit(page, x, y, best, alone)
    page.text("""
        ## A score for θ, and a way up

        Each label is a coin that came up 1 with probability ŷ = σ(θᵀx). The log-likelihood scores
        θ by how probable it makes the labels that we saw (chapter 7 looks at it closely):
    """)
    page.equations("""
        LL(θ)    = Σᵢ  yᵢ log σ(θᵀxᵢ) + (1 − yᵢ) log(1 − σ(θᵀxᵢ))
        ∂LL/∂θⱼ  = Σᵢ  (yᵢ − σ(θᵀxᵢ)) xᵢⱼ
    """)
    page.text("""
        Gradient ascent walks uphill, θ ← θ + η ∂LL/∂θ, with step size η. That is the whole
        training. (The mean instead of the sum, so that η need not know how many examples there
        are.)
    """)
    page.source(walk)
    step_sizes(page, inputs, y, best)


def step_sizes(page: Page, inputs: np.ndarray, y: np.ndarray, best: np.ndarray) -> None:
    curvature, top = steepest(inputs, best), likelihood(inputs, y, best)
    sizes = {"small": 0.003 / curvature, "good": 1 / curvature, "large": 2.5 / curvature}
    walks = {name: walk(inputs, y, size, STEPS) for name, size in sizes.items()}
    heights = {name: [likelihood(inputs, y, at) for at in path] for name, path in walks.items()}
    below = {name: top - height[-1] for name, height in heights.items()}
    moves = np.sign(np.diff(walks["large"][:, 1]))
    turns = int((moves[1:] != moves[:-1]).sum())
    page.numbers.update(limit=2 / curvature, sizes=sizes, below=below, turns=turns)
    page.text(f"""
        ## Step sizes

        Near the top the hill is a parabola; its steepest curvature here is λ = {curvature:.3f} (the
        largest eigenvalue of minus the second derivatives). Along that direction a step multiplies
        the distance to the top by 1 − ηλ. Above η = 2/λ = {2 / curvature:.2f} that distance grows,
        so the walk cannot come to rest at the top. After {STEPS} steps:

        - **Too small**, η = {sizes["small"]:.4f}: safe and slow, still {below["small"]:.4f} below
          the top.
        - **Good**, η = {sizes["good"]:.2f}: {below["good"]:.6f} below the top.
        - **Too large**, η = {sizes["large"]:.2f}: it jumps back and forth across the top. θ₁ turned
          round {turns} times, and the walk ended {below["large"]:.4f} below the top.
    """)
    with page.figure("steps", "The height after each step, and the three walks", 9, 3.8) as figure:
        axes = figure.subplots(1, 2)
        low = np.min([path.min(axis=0) for path in walks.values()], axis=0)
        high = np.max([path.max(axis=0) for path in walks.values()], axis=0)
        a, b = np.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), 60).T
        hill = [[likelihood(inputs, y, np.array([i, j])) for i in a] for j in b]
        axes[1].contourf(a, b, -np.log(top - np.array(hill) + 1e-3), 25, cmap="Greys_r", alpha=0.5)
        for name in ("large", "good", "small"):  # the shortest path on top
            label, path = f"{name}, η = {sizes[name]:.3g}", walks[name]
            axes[0].plot(heights[name], color=COLOURS[name], label=label)
            axes[1].plot(*path.T, ".-", color=COLOURS[name], markersize=4, linewidth=1)
        axes[0].axhline(top, color="black", linewidth=0.8, linestyle=":", label="the top")
        axes[0].set(xlabel="step", ylabel="LL(θ) / N")
        axes[0].legend(fontsize=8, loc="lower right")
        axes[1].annotate("start", (0, 0), (-12, -14), textcoords="offset points", fontsize=8)
        axes[1].set(xlabel="θ₀ (intercept)", ylabel="θ₁")


def draw_fit(page: Page, x: np.ndarray, y: np.ndarray, best: np.ndarray, alone: np.ndarray) -> None:
    at = np.linspace(x.min() - 1, x.max() + 1, 200)
    jitter = np.random.default_rng(0).uniform(-0.03, 0.03, len(x))  # dots that do not hide others
    with page.figure("fit", "The fitted curve; each dot is a digit", 6.5, 3.2) as figure:
        ax = figure.subplots()
        ax.scatter(x, y[:, 0] + jitter, s=10, alpha=0.4, color="black", linewidths=0)
        ax.plot(at, 1 / (1 + np.exp(-with_intercept(at) @ best)), label="with intercept")
        ax.plot(at, 1 / (1 + np.exp(-alone[0] * at)), "--", label="without")
        ax.axhline(0.5, color="#bbbbbb", linewidth=0.8, zorder=0)
        ax.set(xlabel="ink below minus ink above", ylabel="P(it is a 6)", yticks=[0, 0.5, 1])
        ax.legend(fontsize=9)
