"""The example files are what their generator makes, so that they stay in step with the simulator's market."""

import polars as pl
from polars.testing import assert_frame_equal

from tickstock_dagster_tests.documents.examples import FOLDER, example_bars, example_texts

RENEW = "renew them: python -m tickstock_dagster_tests.documents.examples"


def test_the_example_files_are_what_their_generator_makes() -> None:
    assert {name: (FOLDER / name).read_text() for name in example_texts()} == example_texts(), RENEW
    assert_frame_equal(pl.read_parquet(FOLDER / "bars.parquet"), example_bars())
