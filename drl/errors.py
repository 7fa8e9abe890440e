"""The one exception for mistakes that the user can mend."""


class UserError(ValueError):
    """One line: what is wrong, what was expected, what to do.

    The command line prints it on standard error and exits with code 2, without a traceback.
    """
