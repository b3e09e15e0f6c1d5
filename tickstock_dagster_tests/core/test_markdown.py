"""A table is read as one whatever its cells say."""

from tickstock_dagster.core.markdown import markdown_table


def test_headings_alignment_and_rows() -> None:
    table = markdown_table(["symbol", "bars"], [("AAA", 12), ("BBB", None)], right={"bars"})
    assert table == "| symbol | bars |\n|---|--:|\n| AAA | 12 |\n| BBB |  |"


def test_without_rows_the_head_stands() -> None:
    assert markdown_table(["symbol"], []) == "| symbol |\n|---|"


def test_a_cell_cannot_end_its_column_or_its_row() -> None:
    assert markdown_table(["why"], [["a|b\nc\r\nd"]]) == "| why |\n|---|\n| a\\|b c d |"
