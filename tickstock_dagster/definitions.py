"""What Dagster loads: everything under `defs/`. Loading touches no network and no database."""

from pathlib import Path

import dagster as dg


@dg.definitions
def definitions() -> dg.Definitions:
    """The code location's definitions."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent / "defs")
