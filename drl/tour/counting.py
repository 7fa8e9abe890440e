"""Chapter 6: how many parameters a network has."""

from __future__ import annotations

from drl.nn import MLP
from drl.tour.page import Page

INPUTS, HIDDEN = 40, 20  # the notes' example


def tell(page: Page) -> None:
    """The notes' example, counted by the network itself."""
    without = MLP(INPUTS, 1, hidden=(HIDDEN,), activation="sigmoid", bias=False)
    net = MLP(INPUTS, 1, hidden=(HIDDEN,), activation="sigmoid")
    hidden, output = (without.layers[i].shapes["W"] for i in (0, 2))
    of_hidden, of_output = hidden[0] * hidden[1], output[0] * output[1]
    added = net.size - without.size
    page.numbers.update(
        without=without.size, hidden=of_hidden, output=of_output, intercepts=net.size
    )
    page.text(f"""
        The notes' example has {INPUTS} inputs, {HIDDEN} hidden neurons and one output. Every neuron
        is a logistic regression: it has one parameter for each value that it takes in.
    """)
    page.equations(f"""
        output ŷ      takes in {HIDDEN} hidden values:  {output[0]} × {output[1]} = {of_output}
        hidden h_j    takes in {INPUTS} inputs, and there are {HIDDEN}:  {hidden[0]} × {hidden[1]} = {of_hidden}
        together      {of_hidden} + {of_output} = {without.size}
    """)  # noqa: E501
    page.text(f"""
        The network counts the same: `MLP({INPUTS}, 1, hidden=({HIDDEN},), bias=False).size` is
        {without.size}.

        ## A slip in the notes

        They say that each hidden neuron has 20 parameters, and that there are 800 in all. Both
        cannot be: {HIDDEN} neurons with 20 parameters each would have {HIDDEN * 20}. **800 is
        right.** A hidden neuron has one parameter for each *input*, and there are {INPUTS};
        {HIDDEN} is how many such neurons there are, and how many parameters the *output* neuron
        has.

        ## And the intercepts

        The notes leave the intercepts out here. Chapter 1 needed one: each neuron has its own. That
        adds {HIDDEN} in the hidden layer and 1 at the output, {added} together:
        **{net.size}**. In code they are the `b` of a layer. With an extra feature that is always 1
        they would be one more row of W: {INPUTS + 1} × {HIDDEN} + {HIDDEN + 1} × 1 =
        {(INPUTS + 1) * HIDDEN + HIDDEN + 1}, the same number.
    """)
    page.parts.append(f"```text\n{net.describe()}\n```")
    digits = MLP(784, 10, hidden=(128,))
    page.numbers["digits"] = digits.size
    page.text(f"""
        All of them lie in one vector, `net.params`, and their derivatives in another, `net.grads`.
        A network for the digits of MNIST, 784 pixels, 128 hidden neurons and ten outputs, has
        {digits.size:,} parameters: training climbs a hill in that many dimensions.
    """)
