"""Chapter 3: one logistic regression looks at 64 pixels.  How far it gets, and why no further."""

from __future__ import annotations

from typing import Any

import numpy as np

from drl.nn import MLP
from drl.tour import odd
from drl.tour.page import Page

MORE = 1_000  # epochs of the long training


def tell(page: Page) -> None:
    """Its accuracy, its weights as an image, a longer training, and the digits it misses."""
    (net, curve), data = odd.one_neuron(), odd.data()
    x, y = odd.pixels(data.x_train), odd.is_odd(data.y_train)
    x_test, y_test = odd.pixels(data.x_test), odd.is_odd(data.y_test)
    train, test = odd.accuracy(net, x, y), odd.accuracy(net, x_test, y_test)
    page.numbers.update(train=train, test=test)
    page.text(f"""
        A computer sees an image as a row of numbers: how dark each pixel is. That row is the
        feature vector x. Our digits are 8 × 8, so x has 64 numbers between 0 and 1. There are
        {len(x)} digits to learn from and {len(x_test)} to be tested on, which training never sees.
    """)
    draw_digits(page)
    page.text("""
        The question for this chapter and the next ones: **is the digit odd?** The label y is 1 for
        1, 3, 5, 7 and 9, and one neuron is to give
    """)
    page.equations("ŷ = P(Y = 1 | x) = σ(θᵀx)          guess “odd” where ŷ > ½, that is θᵀx > 0")
    page.source(odd.one_neuron, odd.climb)
    page.text(f"""
        The training of chapter 1 on all pixels, now a batch of {odd.BATCH} digits at a time. After
        {len(curve) - 1} passes over the data (*epochs*) it is right about {test:.1f} % of the test
        digits. A coin would be right about half of them; still,
        {round((100 - test) / 100 * len(y_test))} of {len(y_test)} are wrong.

        ## What it has learned

        Each pixel has one weight. Ink on a red pixel speaks for odd, ink on a blue one for even:
    """)
    with page.figure("weights", "θ, each weight at its pixel", 3, 3) as figure:
        odd.draw_weights(figure.subplots(), net.params[:64])
    longer(page, x, y, x_test, y_test, test)
    missed(page, net, x_test, data.y_test)


def longer(
    page: Page, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, test: float
) -> None:
    """The same training again, with many more epochs."""
    net = MLP(64, 1, hidden=(), seed=1)
    curve = odd.climb(net, x, y, 0.5, epochs=MORE)
    more, train = odd.accuracy(net, x_test, y_test), odd.accuracy(net, x, y)
    page.numbers.update(more=more, more_train=train, curve=curve)
    page.text(f"""
        ## More epochs do not help

        After {MORE} epochs: {more:.1f} % of the test digits, where it was {test:.1f} %. It is not a
        lack of examples either: even of the digits that it was trained on it gets only
        {train:.1f} % right. The log-likelihood has flattened out, and with a single neuron it has a
        single hill: there is no other top to find.
    """)
    with page.figure("epochs", "Mean log-likelihood of the training digits", 6.5, 2.8) as figure:
        ax = figure.subplots()
        ax.plot(curve)
        ax.set(xlabel="epoch", ylabel="LL(θ) / N", xscale="symlog")


def missed(page: Page, net: MLP, x_test: np.ndarray, digits: np.ndarray) -> None:
    """Which digits it gets wrong, and the test digits where it is most wrong."""
    z = net(x_test)[:, 0]
    right = (z > 0) == (digits % 2 == 1)
    each = {int(d): 100 * float(right[digits == d].mean()) for d in np.unique(digits)}
    worst = np.argsort(np.where(digits % 2 == 1, z, -z))[:8]  # z on the right label's side
    page.numbers.update(each=each)
    page.text("""
        ## Why it falls short

        θᵀx adds up one vote a pixel, and a pixel's vote is the same whatever the other pixels say.
        But the five odd digits have little in common: what speaks for odd in a 7 may speak for even
        in an 8. “This stroke counts only if that one is missing” cannot be said by a sum. Right
        answers in per cent, digit by digit:
    """)
    page.table([str(d) for d in each], [[f"{share:.0f}" for share in each.values()]])
    with page.figure("missed", "Most wrong: the digit, and the ŷ it got", 8, 1.5) as figure:
        for ax, i in zip(figure.subplots(1, len(worst)), worst, strict=False):
            draw_digit(ax, x_test[i], f"{digits[i]}: ŷ = {1 / (1 + np.exp(-z[i])):.2f}")
    page.text("What is missing is a layer that makes better features than pixels: chapter 4.")


def draw_digits(page: Page) -> None:
    """The first training example of each digit."""
    data = odd.data()
    with page.figure("digits", "One of each", 8, 1.3) as figure:
        for digit, ax in zip(range(10), figure.subplots(1, 10), strict=False):
            image = data.x_train[np.argmax(data.y_train == digit)]
            draw_digit(ax, image, "odd" if digit % 2 else "even")


def draw_digit(ax: Any, image: np.ndarray, title: str) -> None:
    """64 pixels as ink on paper."""
    ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=9)
