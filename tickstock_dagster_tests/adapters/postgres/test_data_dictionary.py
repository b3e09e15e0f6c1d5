"""The committed data dictionary says what the schema says."""

from pathlib import Path

from tickstock_dagster.adapters.postgres.data_dictionary import data_dictionary
from tickstock_dagster.adapters.postgres.database import open_engine

DOCUMENT = Path(__file__).parents[3] / "docs" / "data_dictionary.md"


def test_the_data_dictionary_is_what_the_schema_says(migrated_database_url: str) -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == data_dictionary(open_engine(migrated_database_url)), (
        "run: python -m tickstock_dagster.adapters.postgres.data_dictionary > docs/data_dictionary.md"
    )


def test_every_table_and_column_is_explained(migrated_database_url: str) -> None:
    rows = [line for line in data_dictionary(open_engine(migrated_database_url)).splitlines() if line.startswith("| ")]
    unexplained = [line for line in rows if line.rstrip().endswith("|  |")]
    assert len(rows) > 150
    assert unexplained == []
