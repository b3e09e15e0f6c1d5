"""What Dagster loads: everything under `defs/`. Loading touches no network and no database."""

import warnings
from functools import cache
from pathlib import Path

import dagster as dg

FOLDER = Path(__file__).parent / "defs"

defs: dg.Definitions
"""The code location's definitions, for whoever imports them; loaded when they are first asked for."""


@dg.definitions
def definitions() -> dg.Definitions:
    """The code location's definitions, as Dagster finds them in this module."""
    return dg.load_from_defs_folder(path_within_project=FOLDER)


def executed_here() -> dg.Definitions:
    """The same definitions for a process that executes their jobs itself, and serves them to no one.

    Without the schemas of all component types that Dagster knows, which its UI shows: a third of the loading.
    """
    with warnings.catch_warnings():
        for kind in (dg.PreviewWarning, dg.BetaWarning, dg.SupersessionWarning, DeprecationWarning):
            warnings.simplefilter("ignore", kind)  # as `load_from_defs_folder` does
        tree = dg.ComponentTree.for_project(FOLDER)
        return tree.build_defs(FOLDER)


@cache
def _loaded() -> dg.Definitions:
    return definitions()


def __getattr__(name: str) -> dg.Definitions:
    # Not a variable of the module: importing `definitions` alone would then load everything.
    if name == "defs":
        return _loaded()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
