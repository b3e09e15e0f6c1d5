"""Tables for people that fit into their terminal: what does not fit is left out by the column, never cut by the letter.

Tickers, dates and numbers stay whole on one line; running text breaks between words. Where a terminal is too narrow
even so, the columns that matter least are left out, and the line below says which.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import HEAVY_HEAD, Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tickstock_dagster.core.printable import printable

PIPED = 120
"""Columns of what does not go to a terminal, unless COLUMNS says otherwise."""

WIDEST_WORD = 30
"""A longer word of running text, such as an address, may be broken."""

Cell = str | Text


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: its header.
        right: numbers stand at the right.
        text: running text, which breaks between words; else a cell stays whole.
        leave_out: rank among those that are left out where a table is too wide, 1 first; 0: it always stays.
    """

    name: str
    right: bool = False
    text: bool = False
    leave_out: int = 0


def output() -> Console:
    """Standard output at the width of its terminal."""
    return Console(width=shutil.get_terminal_size((PIPED, 24)).columns, highlight=False)


def print_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    title: str | None = None,
    styles: Sequence[str | None] = (),
    box: Box = HEAVY_HEAD,
) -> None:
    """Print rows under their columns, as many of these as fit.

    Args:
        columns: in order.
        rows: a cell for each column; plain text is shown as it is, and never taken for markup.
        title: above the table.
        styles: of each row.
        box: the lines around the cells.
    """
    out = output()
    cells = [[_shown(cell) for cell in row] for row in rows]
    places = fitting(columns, [[cell.plain for cell in row] for row in cells], out.width)
    table = Table(title=None if title is None else Text(printable(title)), title_justify="left", box=box)
    for place in places:
        column = columns[place]
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=not column.text,
            overflow="fold",
            min_width=_least(column, [row[place].plain for row in cells]),
        )
    for number, row in enumerate(cells):
        table.add_row(*(row[place] for place in places), style=styles[number] if styles else None)
    out.print(table)
    if absent := [column.name for place, column in enumerate(columns) if place not in places]:
        out.print(f"Left out, to fit into {out.width} columns: {', '.join(absent)}", style="dim")


def fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Places of the columns that fit into a width, ascending; those that always stay are among them in any case."""
    least = [_least(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
    places = list(range(len(columns)))
    while sum(least[place] + 3 for place in places) + 1 > width:
        spare = [place for place in places if columns[place].leave_out]
        if not spare:
            break
        places.remove(min(spare, key=lambda place: columns[place].leave_out))
    return places


def _least(column: Column, cells: Sequence[str]) -> int:
    """The width below which a cell or a word of the column would be cut."""
    if column.text:
        heads = [len(word) for word in column.name.split()]
        words = [len(word) for cell in cells for word in cell.split()]
        return max([1, *heads, *(min(word, WIDEST_WORD) for word in words)])
    return max([1, len(column.name), *(len(line) for cell in cells for line in cell.split("\n"))])


def _shown(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text("\n".join(printable(line) for line in cell.split("\n")))
