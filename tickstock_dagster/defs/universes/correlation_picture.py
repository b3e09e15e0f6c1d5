"""The correlation picture in a run's metadata: all ETFs at one glance, class by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from tickstock_dagster.defs.pictures import (
    ABSENT,
    MARGIN,
    MAX_PNG,
    CellSheet,
    Shade,
    ink_on,
    picture_markdown,
    shortened,
)

_COLD, _MIDDLE, _WARM = (33, 102, 172), (247, 247, 247), (178, 24, 43)
"""Blue, white and red, safe for the common kinds of colour blindness."""

_SHADES, _FEW_SHADES = 20, 10
"""Steps of colour on either side of 0, with and without numbers; few flat colours keep the file small."""

_NO_VALUE = Shade(ABSENT, "no value: a session's return is missing in the window", "dot")

_LEFT, _TOP, _WIDTH, _HEIGHT, _HEAD, _PER_LINE, _GAP = 64, 28, 40, 15, 32, 17, 3
_LINE = MARGIN + _LEFT + _PER_LINE * _WIDTH
"""Width of a line in pixels; small classes share a line."""

_UNKNOWN = "not classified"
_MAX_ETFS = 360
"""A taller picture would not fit a screen, nor its file `MAX_PNG`; the table has the rest."""

_NUMBERS = 120
"""Most ETFs whose cells carry numbers: beyond, these would be most of the file."""


@dataclass(frozen=True)
class _Band:
    """One line of ETFs of a class, and the rows in which any ETF of the class has a value."""

    group: str
    tickers: list[str]
    rows: list[tuple[str, int]]

    @property
    def width(self) -> int:
        return _LEFT + len(self.tickers) * _WIDTH

    @property
    def height(self) -> int:
        return _HEAD + len(self.rows) * _HEIGHT + 8


def correlation_markdown(values: pl.DataFrame, types: Mapping[int, str]) -> str:
    """A heat map of the newest session as a markdown image; the least and the most correlated below it in words.

    Args:
        values: `core.universes.correlations.CORRELATION_SCHEMA`, not empty.
        types: the class of each ETF by security id; ETFs without one are drawn last.
    """
    newest = values.filter(pl.col("session") == pl.col("session").max())
    longest = newest.filter(pl.col("sessions") == pl.col("sessions").max(), pl.col("reference") == "SPY")
    ends = longest.sort("correlation", "ticker")
    lines = [
        f"- {words} with SPY over {max(rows['sessions'].to_list())} sessions: "
        + ", ".join(f"{ticker} {value:+.2f}" for ticker, value in rows.select("ticker", "correlation").iter_rows())
        for words, rows in (("least", ends.head(3)), ("most", ends.tail(3).reverse()))
        if rows.height
    ]
    return picture_markdown("correlations", correlation_png(newest, types), lines)


def correlation_png(values: pl.DataFrame, types: Mapping[int, str]) -> bytes:
    """One column of cells per ETF, a row per reference and window; blue is -1, white 0, red 1, grey no value.

    Cells without a number mark what is below 0 with a dash.

    Args:
        values: `core.universes.correlations.CORRELATION_SCHEMA` of one session, not empty.
        types: the class of each ETF by security id.
    """
    # The two references that all ETFs share come first, then the one of the class.
    rows = [(name, window) for name in ("SPY", "IWM", "own") for window in sorted(values["sessions"].unique())]
    cells: dict[tuple[str, str, int], float] = {}
    groups: dict[str, str] = {}
    for row in values.iter_rows(named=True):
        groups[row["ticker"]] = types.get(row["security_id"], _UNKNOWN)
        name = row["reference"] if row["reference"] in ("SPY", "IWM") else "own"
        cells[row["ticker"], name, row["sessions"]] = row["correlation"]
    order = sorted(groups, key=lambda ticker: (groups[ticker] == _UNKNOWN, groups[ticker], ticker))
    title = f"Correlation of daily total returns, {values['session'][0]}"
    shown = min(len(order), _MAX_ETFS)
    while True:
        bands = _bands(order[:shown], groups, rows, cells)
        words = title if shown == len(order) else f"{title}: the first {shown} of {len(order)} ETFs"
        png = _draw(words, bands, cells, numbers=shown <= _NUMBERS)
        if len(png) <= MAX_PNG or shown == 1:
            return png
        shown = shown * 3 // 4


def _draw(title: str, bands: Sequence[_Band], cells: Mapping[tuple[str, str, int], float], *, numbers: bool) -> bytes:
    sheet = CellSheet(title)
    left, top, height = MARGIN, _TOP, 0
    for band in bands:
        if left > MARGIN and left + band.width > _LINE:
            left, top, height = MARGIN, top + height, 0
        _draw_band(sheet, band, cells, (left, top), numbers=numbers)
        left, height = left + band.width + MARGIN, max(height, band.height)
    sheet.legend([*(_shade(value, mark=not numbers, caption=True) for value in (-1.0, -0.5, 0.0, 0.5, 1.0)), _NO_VALUE])
    return sheet.png()


def _bands(
    order: Sequence[str],
    groups: Mapping[str, str],
    rows: Sequence[tuple[str, int]],
    cells: Mapping[tuple[str, str, int], float],
) -> list[_Band]:
    bands = []
    for group, names in groupby(order, key=groups.__getitem__):
        members = list(names)
        kept = [row for row in rows if any((ticker, *row) in cells for ticker in members)]
        words = group.replace("_", " ")
        bands += [
            _Band(f"{words}, continued" if start else words, members[start : start + _PER_LINE], kept)
            for start in range(0, len(members), _PER_LINE)
        ]
    return bands


def _draw_band(
    sheet: CellSheet,
    band: _Band,
    cells: Mapping[tuple[str, str, int], float],
    place: tuple[int, int],
    *,
    numbers: bool,
) -> None:
    left, top = place
    sheet.words(left, top + 6, shortened(band.group, band.width))
    top += _HEAD
    for row, (name, window) in enumerate(band.rows):
        sheet.words(left, top + row * _HEIGHT + (_HEIGHT - _GAP) / 2, f"{name} {window}")
    for column, ticker in enumerate(band.tickers):
        at = left + _LEFT + column * _WIDTH
        middle = at + (_WIDTH - _GAP) / 2
        sheet.words(middle, top - 9, shortened(ticker, _WIDTH - _GAP), centred=True)
        for row, key in enumerate(band.rows):
            value = cells.get((ticker, *key))
            shade = _NO_VALUE if value is None else _shade(value, mark=not numbers)
            sheet.cell(at, top + row * _HEIGHT, _WIDTH - _GAP, _HEIGHT - _GAP, shade)
            if numbers and value is not None:
                words = f"{value:.2f}"
                sheet.words(middle, top + row * _HEIGHT + 6, words, ink=ink_on(shade.colour), centred=True)


def _shade(value: float, *, mark: bool, caption: bool = False) -> Shade:
    steps = _FEW_SHADES if mark else _SHADES
    share = round(abs(value) * steps) / steps
    end = _WARM if value > 0 else _COLD
    channels = (round(middle + (far - middle) * share) for middle, far in zip(_MIDDLE, end, strict=True))
    words = (f"{value:+.1f}" if value else "0") if caption else ""
    return Shade("#" + "".join(f"{channel:02x}" for channel in channels), words, "dash" if mark and value < 0 else "")
