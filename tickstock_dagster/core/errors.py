"""Errors that a person can act on.

Every error that can reach an operator derives from `TickstockError` and carries one clear line that names the
thing, its value and what is accepted. The CLI prints that line and exits with `exit_code`; Dagster assets turn
it into a `Failure`. Programming mistakes stay ordinary Python exceptions.
"""

import errno
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches


class TickstockError(Exception):
    """Base of all errors with a message meant for people. `exit_code` is the CLI's."""

    exit_code = 1


class BadInputError(TickstockError):
    """The caller asked for something invalid; the message names the field, the value and what is accepted."""

    exit_code = 2

    def __init__(self, field: str, value: object, accepted: str) -> None:
        self.field = field
        self.value = value
        self.accepted = accepted
        super().__init__(f"{field} {shortened(str(value))!r} is not accepted: {accepted}")


class ConfigurationError(TickstockError):
    """The environment is set up wrongly; the message names the variable and what is accepted."""

    exit_code = 2


class ServiceUnavailableError(TickstockError):
    """A database, Redis or local service cannot be reached."""


_OF_THE_MACHINE = frozenset(
    {
        errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE,
        errno.ENFILE, errno.ENOMEM, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.ESTALE,
    }
)  # fmt: skip


def machine_words(error: OSError) -> str | None:
    """What a file or the machine refuses, in one line; None for what no operator has to do with."""
    if error.errno not in _OF_THE_MACHINE:
        return None
    place = "" if error.filename is None else f"{error.filename}: "
    return f"{place}{error.strerror}"


def shortened(text: str, length: int = 500) -> str:
    """A text for one line: what is longer ends with the number of the characters that are left out."""
    return text if len(text) <= length else f"{text[:length]}… ({len(text) - length:,} more characters)"


def choices(value: str, accepted: Iterable[str], limit: int = 12, *, also: Iterable[str] = ()) -> str:
    """Describe the accepted names, nearest spelling first, for a `BadInputError`.

    Args:
        value: the name that was given.
        accepted: all accepted names.
        limit: how many names are listed at most.
        also: further names that may be meant, such as aliases; neither listed nor counted.
    """
    names = sorted(accepted)
    # Of equally near names, prefer the one with the same first letter: APPL is more likely AAPL than PPLT.
    near = get_close_matches(value, sorted({*names, *also}), n=5)
    near.sort(key=lambda name: (-SequenceMatcher(None, name, value).ratio(), name[:1] != value[:1]))
    listed = ", ".join(names[:limit]) + (f", … ({len(names)} in all)" if len(names) > limit else "")
    return (f"did you mean {near[0]}? " if near else "") + f"accepted: {listed}"
