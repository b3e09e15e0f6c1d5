"""The files that make the schema: numbered migrations of `sql/migrations` and repeatable ones of `sql/repeatable`.

A numbered file is applied once and never edited afterwards. A repeatable file creates functions or views with `CREATE
OR REPLACE`; it is edited in place, and applied again when its text has changed. Applying belongs in `migrations`.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tickstock_dagster.adapters.postgres.sql_files import sql_folder
from tickstock_dagster.core.errors import TickstockError

_NUMBERED = re.compile(r"(\d{4})_\w+\.sql")
_REPEATABLE = re.compile(r"(R\d{2})_\w+\.sql")


class SchemaError(TickstockError):
    """The database's schema and this release do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file: its number (`0001`; `R01` where it is repeatable), its name and its text."""

    version: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, hexadecimal."""
        return _sha256(self.sql)


def read_migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """All numbered migrations in order.

    Raises:
        SchemaError: a file's name is not `NNNN_name.sql`, or the numbers are not 0001, 0002, …
    """
    folder = folder or sql_folder() / "migrations"
    migrations = _read(folder, _NUMBERED, "migration {} is not named NNNN_name.sql")
    expected = [f"{number:04d}" for number in range(1, len(migrations) + 1)]
    if not migrations or [migration.version for migration in migrations] != expected:
        raise SchemaError(f"migrations in {folder} are not numbered 0001, 0002, … without gaps")
    return migrations


def read_repeatable(folder: Path | None = None) -> tuple[Migration, ...]:
    """All repeatable migrations, in the order of their numbers: a file may use what an earlier one creates.

    Raises:
        SchemaError: a file's name is not `RNN_name.sql`, or two files have the same number.
    """
    folder = folder or sql_folder() / "repeatable"
    repeatable = _read(folder, _REPEATABLE, "repeatable migration {} is not named RNN_name.sql")
    if len({one.version for one in repeatable}) < len(repeatable):
        raise SchemaError(f"two repeatable migrations in {folder} have the same number")
    return repeatable


def _read(folder: Path, pattern: re.Pattern[str], otherwise: str) -> tuple[Migration, ...]:
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = pattern.fullmatch(path.name)
        if match is None:
            raise SchemaError(otherwise.format(repr(path.name)))
        found.append(Migration(match[1], path.stem, _text(path, path.stat().st_mtime_ns)))
    return tuple(found)


@cache
def _text(path: Path, _changed: int) -> str:
    """A file's text, read once as long as it is as it was: every opening of the store looks at all of them."""
    return path.read_text(encoding="utf-8")


@cache
def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
