"""Where the SQL files are: numbered and repeatable migrations, and named statements.

`sql/` stands beside the package in a checkout and inside it in a wheel.
"""

from functools import lru_cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]
_FOLDERS = (_PACKAGE / "sql", _PACKAGE.parent / "sql")


@lru_cache(maxsize=1)
def sql_folder() -> Path:
    """The folder that holds `migrations/`, `repeatable/` and `statements/`.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for folder in _FOLDERS:
        if (folder / "migrations").is_dir():
            return folder
    raise FileNotFoundError(f"the sql folder is missing; looked in {', '.join(map(str, _FOLDERS))}")


@lru_cache
def statement(name: str) -> str:
    """The text of `sql/statements/<name>.sql`; parameters are written `%(name)s`."""
    return (sql_folder() / "statements" / f"{name}.sql").read_text(encoding="utf-8")
