"""The bytes of a file of bars, or of a folder of them, read from disk, and their identity.

What the bytes mean belongs in `core.bars.bar_files`.
"""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from tickstock_dagster.core.bars.bar_file_tables import ENDINGS, MAX_BYTES, too_large
from tickstock_dagster.core.bars.bar_files import BarFile, read_bar_files
from tickstock_dagster.core.bars.file_options import FileOptions
from tickstock_dagster.core.errors import BadInputError

IDENTITY_LENGTH = 12
"""Hexadecimal places of a file's identity: two of a million files share one with a chance of 1 in 500."""


@dataclass(frozen=True, slots=True)
class StoredBars:
    """What a path holds: its rows, and the identity of its content."""

    file: BarFile
    identity: str


def read_path(path: Path, options: FileOptions, market: str) -> StoredBars:
    """All rows at a path. The last few are kept in memory, while the files do not change.

    Args:
        path: a file, or a folder of files of bars.
        options: what is declared about them.
        market: MIC of the market whose bars they are.

    Raises:
        BadInputError: there is none, or one cannot be read; names file, line, column, value and what is accepted.
    """
    files = bar_paths(path)
    stamps = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    return _read(path, stamps, _Declared(options), market)


def given_path(text: str) -> Path:
    """A path as people write it: ~ is a home; where there is no such home, it is a name like any other."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def is_there(path: Path) -> bool:
    """Whether a path leads to something that may be looked at; False for a name that no file can have, too."""
    try:
        return path.exists()
    except OSError:
        return False


def bar_paths(path: Path) -> list[Path]:
    """The file, or the files of bars in a folder and below it, by name.

    Raises:
        BadInputError: there is none.
    """
    if not is_there(path):
        raise BadInputError("file", path, "an existing Parquet or CSV file, or a folder of them")
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.name.lower().endswith(ENDINGS) and file.is_file()]
        if not files:
            raise BadInputError("folder", path, f"one with files that end in {', '.join(ENDINGS)}")
        return files
    if not path.is_file():
        raise BadInputError("file", path, "an existing Parquet or CSV file, or a folder of them")
    return [path]


def bytes_of(path: Path) -> bytes:
    """All bytes of a file; of an archive, those of its one member.

    Raises:
        BadInputError: it is too large, or an archive that is broken or has another number of members.
        OSError: the file cannot be read.
    """
    if path.stat().st_size > MAX_BYTES:
        raise too_large(path)
    return _member(path) if path.name.lower().endswith(".zip") else path.read_bytes()


def _member(path: Path) -> bytes:
    """The bytes of the one file in an archive."""
    try:
        with ZipFile(path) as archive:
            members = [member for member in archive.namelist() if not member.endswith("/")]
            if len(members) != 1:
                raise BadInputError("file", path, f"an archive of one CSV file (this one has {len(members)})")
            with archive.open(members[0]) as member:
                content = member.read(MAX_BYTES + 1)
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise BadInputError("file", path, f"a whole archive ({error})") from None
    if len(content) > MAX_BYTES:
        raise too_large(path)
    return content


def identity_with(identity: str, beside: Sequence[Sequence[tuple[str, bytes]]]) -> str:
    """The identity of bars together with the files given beside them."""
    digest = hashlib.sha256(identity.encode())
    for files in beside:
        for name, content in files:
            digest.update(f"{Path(name).name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:IDENTITY_LENGTH]


class _Declared:
    """Options as a key of the cache: a mapping in them has no hash of its own."""

    def __init__(self, options: FileOptions) -> None:
        self.options = options
        self.words = repr((options.date_format, options.ticker, sorted(options.columns.items())))

    def __hash__(self) -> int:
        return hash(self.words)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Declared) and self.words == other.words


@lru_cache(maxsize=4)
def _read(path: Path, stamps: tuple[tuple[str, int, int], ...], declared: _Declared, market: str) -> StoredBars:
    digest = hashlib.sha256()

    def contents() -> Iterator[tuple[str, bytes]]:
        for name, _, _ in stamps:
            content = bytes_of(Path(name))
            if len(stamps) > 1:
                digest.update(f"{Path(name).relative_to(path)}\0{len(content)}\0".encode())
            digest.update(content)
            yield (name if len(stamps) == 1 else str(Path(name).relative_to(path))), content

    try:
        file = read_bar_files(contents(), declared.options, market)
    except OSError as error:
        raise BadInputError("file", path, f"one that can be read ({error.strerror})") from None
    if declared.words != _Declared(FileOptions()).words:
        digest.update(declared.words.encode())  # another reading of the same bytes is another content
    return StoredBars(file, digest.hexdigest()[:IDENTITY_LENGTH])
