"""The bytes of a file of bars, of a folder of them, and of what stands beside them.

What they mean belongs in `simulator.market.bars_file`.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from tickstock_dagster.core.bars.bar_file_tables import ENDINGS, MAX_BYTES, too_large
from tickstock_dagster.core.bars.file_options import FileOptions, parse_file_text
from tickstock_dagster.core.errors import BadInputError


def declared_path(text: Path | str) -> tuple[Path, FileOptions]:
    """The path in `PATH?name=value&…`, and what is declared.

    Raises:
        BadInputError: there is no such path, or what is declared says nothing.
    """
    named, options = parse_file_text(str(text))
    path = _given(named)
    if not _is_there(path):
        raise BadInputError("bars", path, "an existing file, or a folder of files")
    return path, options


def beside(bars: Path, text: str) -> Path:
    """A path as given, or beside the bars.

    Raises:
        BadInputError: there is neither.
    """
    given = _given(text)
    found = given if _is_there(given) else bars.parent / text
    if not _is_there(found):
        raise BadInputError("beside the bars", text, "an existing file, or a folder of files")
    return found


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the file, or of the files of bars in the folder."""
    if not path.is_dir():
        yield str(path), _bytes(path)
        return
    files = [file for file in sorted(path.rglob("*")) if file.name.lower().endswith(ENDINGS) and file.is_file()]
    if not files:
        raise BadInputError("folder", path, f"one with files that end in {', '.join(ENDINGS)}")
    for file in files:
        yield str(file), _bytes(file)


def _given(text: str) -> Path:
    """A path as people write it: ~ is a home; where there is no such home, it is a name like any other."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _is_there(path: Path) -> bool:
    """Whether there is such a file or folder; False for a name that none can have, or a place that is closed."""
    try:
        return path.is_file() or path.is_dir()
    except OSError:
        return False


def _bytes(file: Path) -> bytes:
    if not file.name.lower().endswith(".zip"):
        try:
            return file.read_bytes()
        except OSError as error:
            raise BadInputError("file", file, f"one that can be read ({error.strerror})") from None
    try:
        with ZipFile(file) as archive:
            [name] = archive.namelist()
            content = archive.open(name).read(MAX_BYTES + 1)
    except (BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError, zlib.error):
        raise BadInputError("bars", file, "a whole archive of one CSV file") from None
    if len(content) > MAX_BYTES:
        raise too_large(file)
    return content
