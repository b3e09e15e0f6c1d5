"""Tables in Markdown, for metadata and documents: the one place that knows how a cell is written."""

from collections.abc import Collection, Iterable, Sequence


def markdown_table(head: Sequence[str], rows: Iterable[Iterable[object]], *, right: Collection[str] = ()) -> str:
    """A table without a newline at its end; a cell that is None stays empty, and no cell can break its row.

    Args:
        head: headings of the columns.
        rows: cells in the order of the headings.
        right: headings of columns that are aligned to the right, as numbers are.
    """
    rules = ["--:" if name in right else "---" for name in head]
    return "\n".join([_line(head), f"|{'|'.join(rules)}|", *(_line(row) for row in rows)])


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join('' if cell is None else _escaped(str(cell)) for cell in cells)} |"


def _escaped(text: str) -> str:
    return " ".join(text.splitlines()).replace("|", "\\|")
