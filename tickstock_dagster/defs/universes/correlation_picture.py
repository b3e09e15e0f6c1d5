"""The picture of correlations for metadata: every ETF at one glance, class by class, as PNG inside markdown.

Why it is drawn cell by cell stands in `pictures`, which holds the picture of coverage.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_INK, _PAPER, _ABSENT = "#333333", "#ffffff", "#ececec"
_COLD, _MIDDLE, _WARM = (33, 102, 172), (247, 247, 247), (178, 24, 43)
_SHADES = 20
"""Steps of colour to either side of 0: flat colours make a file of some kilobytes."""

_LEFT, _TOP, _WIDTH, _HEIGHT, _HEAD, _PER_LINE = 64, 28, 40, 15, 28, 24
_UNKNOWN = "not classified"
_MAX_ETFS = 480
"""A taller picture is not looked at; the table has the rest."""

_NUMBERS = 120
"""Up to so many ETFs the cells carry their numbers: beyond, they would be most of the file."""


@dataclass(frozen=True)
class _Band:
    """One line of ETFs of a class, with the rows of which any of the class has a value; no name where it goes on."""

    group: str
    tickers: list[str]
    rows: list[tuple[str, int]]

    @property
    def height(self) -> int:
        return _HEAD + len(self.rows) * _HEIGHT + 6


def correlation_markdown(values: pl.DataFrame, types: Mapping[int, str]) -> str:
    """A heat map of the newest session as a markdown image; the least and the most correlated below it in words.

    Args:
        values: `core.universes.correlations.CORRELATION_SCHEMA`, not empty.
        types: the class of each ETF by its security; others are drawn last.
    """
    newest = values.filter(pl.col("session") == pl.col("session").max())
    image = base64.b64encode(correlation_png(newest, types)).decode()
    longest = newest.filter(pl.col("sessions") == pl.col("sessions").max(), pl.col("reference") == "SPY")
    ends = longest.sort("correlation", "ticker")
    lines = [
        f"- {words} with SPY over {max(rows['sessions'].to_list())} sessions: "
        + ", ".join(f"{ticker} {value:+.2f}" for ticker, value in rows.select("ticker", "correlation").iter_rows())
        for words, rows in (("least", ends.head(3)), ("most", ends.tail(3).reverse()))
        if rows.height
    ]
    return f"![correlations](data:image/png;base64,{image})\n\n" + "\n".join(lines)


def correlation_png(values: pl.DataFrame, types: Mapping[int, str]) -> bytes:
    """One column of cells per ETF, a row per reference and window; blue is -1, white 0, red 1, grey no value.

    Args:
        values: `core.universes.correlations.CORRELATION_SCHEMA` of one session, not empty.
        types: as said above.
    """
    from PIL import Image, ImageDraw, ImageFont

    # A class's own reference stands below the two of everybody.
    rows = [(name, window) for name in ("SPY", "IWM", "own") for window in sorted(values["sessions"].unique())]
    cells: dict[tuple[str, str, int], float] = {}
    groups: dict[str, str] = {}
    for row in values.iter_rows(named=True):
        groups[row["ticker"]] = types.get(row["security_id"], _UNKNOWN)
        name = row["reference"] if row["reference"] in ("SPY", "IWM") else "own"
        cells[row["ticker"], name, row["sessions"]] = row["correlation"]
    order = sorted(groups, key=lambda ticker: (groups[ticker] == _UNKNOWN, groups[ticker], ticker))[:_MAX_ETFS]
    bands = []
    for group, names in groupby(order, key=groups.__getitem__):
        members = list(names)
        kept = [row for row in rows if any((ticker, *row) in cells for ticker in members)]
        bands += [
            _Band("" if start else group, members[start : start + _PER_LINE], kept)
            for start in range(0, len(members), _PER_LINE)
        ]
    widest = max(len(band.tickers) for band in bands)
    size = (max(520, _LEFT + widest * _WIDTH + 12), _TOP + sum(band.height for band in bands) + 30)
    image = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(11)
    session = values["session"].to_list()[0]
    draw.text((8, 5), f"Correlation of daily total returns, {session}", fill=_INK, font=ImageFont.load_default(13))
    top = _TOP
    for band in bands:
        _draw_band(draw, band, cells, top, words=len(order) <= _NUMBERS)
        top += band.height
    _draw_legend(draw, size[1] - 22)
    out = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(out, format="png", optimize=True)
    return out.getvalue()


def _draw_band(
    draw: "ImageDraw", band: _Band, cells: Mapping[tuple[str, str, int], float], top: int, *, words: bool
) -> None:
    draw.text((8, top), band.group.replace("_", " "), fill=_INK)
    top += _HEAD
    for place, (name, window) in enumerate(band.rows):
        draw.text((8, top + place * _HEIGHT + _HEIGHT // 2), f"{name} {window}", fill=_INK, anchor="lm")
    for column, ticker in enumerate(band.tickers):
        left = _LEFT + column * _WIDTH
        draw.text((left + _WIDTH // 2, top - 3), ticker, fill=_INK, anchor="ms")
        for place, row in enumerate(band.rows):
            box = (left, top + place * _HEIGHT, left + _WIDTH - 3, top + (place + 1) * _HEIGHT - 3)
            value = cells.get((ticker, *row))
            draw.rectangle(box, fill=_ABSENT if value is None else _colour(value))
            if words and value is not None:
                ink = _PAPER if abs(value) > 0.6 else _INK
                draw.text(((box[0] + box[2]) // 2, box[1] + 6), f"{value:.2f}", fill=ink, anchor="mm")


def _draw_legend(draw: "ImageDraw", top: int) -> None:
    left = 8
    for value in (-1.0, -0.5, 0.0, 0.5, 1.0):
        draw.rectangle((left, top, left + 11, top + 11), fill=_colour(value))
        draw.text((left + 16, top + 6), f"{value:+.1f}" if value else "0", fill=_INK, anchor="lm")
        left += 56
    draw.rectangle((left, top, left + 11, top + 11), fill=_ABSENT)
    draw.text((left + 16, top + 6), "no value: a session's return is missing in the window", fill=_INK, anchor="lm")


def _colour(value: float) -> tuple[int, int, int]:
    share = round(abs(value) * _SHADES) / _SHADES
    end = _WARM if value > 0 else _COLD
    red, green, blue = (round(middle + (far - middle) * share) for middle, far in zip(_MIDDLE, end, strict=True))
    return red, green, blue
