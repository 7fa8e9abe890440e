"""Mistakes that the user can mend, and numbers that are none."""


class UserError(ValueError):
    """One line: what is wrong, what was expected, what to do.

    The command line prints it on standard error and exits with code 2, without a traceback.
    """


class Diverged(ArithmeticError):
    """Training made a number that is none: `what`, the loss or the norm of a layer's gradient or
    parameters.  A norm is also Inf where a number is too large to be squared."""

    def __init__(self, what: str, update: int) -> None:
        super().__init__(f"training has diverged: {what} is NaN or Inf at update {update:,}")
