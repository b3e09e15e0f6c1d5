"""What Dagster loads: everything under `defs/`. Loading touches no network and no database."""

from functools import cache
from pathlib import Path

import dagster as dg

defs: dg.Definitions
"""The code location's definitions, for whoever imports them; loaded when they are first asked for."""


@dg.definitions
def definitions() -> dg.Definitions:
    """The code location's definitions, as Dagster finds them in this module."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent / "defs")


@cache
def _loaded() -> dg.Definitions:
    return definitions()


def __getattr__(name: str) -> dg.Definitions:
    # Not a variable of the module: importing `definitions` alone would then load everything.
    if name == "defs":
        return _loaded()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
