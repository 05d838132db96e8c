"""The error that the command line prints as one line."""


class AidSimError(Exception):
    """Bad input or a missing requirement. The message says where, what was expected, what came."""
