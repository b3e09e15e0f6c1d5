"""Text files that people name on the command line: read whole or refused in one line; written whole or not at all.

Files of bars and what comes beside them are read by `adapters.sources`.
"""

import os
import sys
import tempfile
from pathlib import Path

from tickstock_dagster.core.errors import BadInputError

MAX_BYTES = 64 * 2**20
"""More than any list of members or rule has; a slip of the finger is not read into memory."""


def text_of(field: str, name: str) -> str:
    """The text of a file; of stdin for -.

    Raises:
        BadInputError: there is none, it is a folder, cannot be read, is too large, or is not UTF-8.
    """
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            if not Path(name).is_file():
                raise BadInputError(field, name, "a file that exists")
            with Path(name).open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise BadInputError(field, name, f"a file of at most {MAX_BYTES // 2**20} MiB")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise BadInputError(field, name, f"a file that can be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise BadInputError(field, name, "a text file in UTF-8") from None


def new_file(field: str, name: str) -> Path:
    """The path of a file to be written.

    Raises:
        BadInputError: it is a folder, its folder does not exist, or it cannot be written there.
    """
    path = Path(name)
    try:
        if path.is_dir() or not path.parent.is_dir():
            raise BadInputError(field, name, "a file in a folder that exists")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise BadInputError(field, name, "a file that may be written")
    except OSError as error:
        raise BadInputError(field, name, f"a file that can be written ({error.strerror})") from None
    return path


def write_whole(field: str, path: Path, text: str) -> None:
    """Write a file by way of another one beside it, so that a full disk leaves no half of it.

    Raises:
        BadInputError: it cannot be written; what was there before still is.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a terminal
            path.write_text(text, encoding="utf-8")
            return
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
        ) as new:
            try:
                new.write(text)
                new.close()
                Path(new.name).chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
                Path(new.name).replace(path.resolve())
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise BadInputError(field, path, f"a file that can be written ({error.strerror})") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
