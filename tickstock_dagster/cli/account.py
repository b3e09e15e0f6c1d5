"""Who runs a command: the name that stands with what it decides."""

import getpass

from tickstock_dagster.core.errors import BadInputError


def account_name() -> str:
    """The name of the account that runs the command.

    Raises:
        BadInputError: it has none.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise BadInputError("--by", "nothing", "your name: this account has none") from None
