"""Pictures for metadata: what a person should see at one glance, as PNG inside markdown.

Drawn cell by cell with Pillow: a run is a process of its own, and a plotting library takes longer to import than the
run to load its bars. Few flat colours make a file of some kilobytes, which Dagster's storage keeps for good.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from tickstock_dagster.core.loading.coverage import Completeness

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")
_INK, _PAPER, _NO_SESSION = "#333333", "#ffffff", "#ececec"
_NONE_STORED = "#5a0d17"
_CLASSES = (
    (1.0, "#1a9850", "all"),
    (0.99, "#b7e075", "99 %+"),
    (0.95, "#fee08b", "95 %+"),
    (0.9, "#f4a582", "90 %+"),
    (0.0, "#d6303b", "less"),
)
"""Lower bound of bars stored of bars due, colour and caption. A single missing bar of hundreds is not green."""

_LEFT, _TOP, _BOTTOM = 38, 44, 36
_LINE_WEEKS = 60
"""A longer span is drawn as one band for each calendar year."""


@dataclass(frozen=True)
class _Cell:
    """Size of one session in pixels, with its gap; the words inside where there is room."""

    width: int
    height: int
    words: bool


def coverage_markdown(states: Sequence[Completeness]) -> str:
    """A heat map of completeness as a markdown image; the worst sessions below it in words."""
    image = base64.b64encode(coverage_png(states)).decode()
    worst = sorted((state for state in states if state.missing), key=lambda state: state.ratio)[:5]
    lines = [f"- {s.session}: {s.missing} of {s.expected} missing ({s.ratio:.1%})" for s in worst]
    return f"![coverage](data:image/png;base64,{image})\n\n" + "\n".join(lines or ["Every session is complete."])


def coverage_png(states: Sequence[Completeness]) -> bytes:
    """A calendar heat map: one cell per session, a row per weekday, a column per week; green is complete.

    Up to ten weeks, the cells carry the day and the numbers; beyond sixty weeks every calendar year is a band.

    Args:
        states: ascending by session, at least one.
    """
    from PIL import Image, ImageDraw, ImageFont

    weeks = (_monday(states[-1].session) - _monday(states[0].session)) // 7 + 1
    bands = [list(states)]
    if weeks > _LINE_WEEKS:
        bands = [list(band) for _, band in groupby(states, lambda state: state.session.year)]
        weeks = max((_monday(band[-1].session) - _monday(band[0].session)) // 7 + 1 for band in bands)
    cell = _Cell(78, 36, True) if weeks <= 10 else _Cell(14, 14, False)
    band_height = len(_DAYS) * cell.height + (18 if len(bands) > 1 else 0)
    size = (max(520, _LEFT + weeks * cell.width + 12), _TOP + len(bands) * band_height + _BOTTOM)
    image = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(11)
    draw.text((8, 5), "Bars stored of bars due, by session", fill=_INK, font=ImageFont.load_default(13))
    for number, band in enumerate(bands):
        _draw_band(draw, band, _TOP + number * band_height, cell)
    _draw_legend(draw, size[1] - 22)
    out = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(out, format="png", optimize=True)
    return out.getvalue()


def _draw_band(draw: "ImageDraw", states: Sequence[Completeness], top: int, cell: _Cell) -> None:
    first, last = states[0].session, states[-1].session
    by_day = {state.session.toordinal(): state for state in states}
    for row, name in enumerate(_DAYS):
        draw.text((8, top + row * cell.height + cell.height // 2), name, fill=_INK, anchor="lm")
    month, free_from = None, 0
    for week, monday in enumerate(range(_monday(first), _monday(last) + 1, 7)):
        left = _LEFT + week * cell.width
        friday = min(date.fromordinal(monday + 4), last)
        if friday.month != month and left >= free_from:
            words = friday.strftime("%b %Y" if month is None else "%b")
            draw.text((left, top - 4), words, fill=_INK, anchor="ls")
            free_from = left + int(draw.textlength(words)) + 8
        month = friday.month
        for row in range(len(_DAYS)):
            box = (left, top + row * cell.height, left + cell.width - 3, top + (row + 1) * cell.height - 3)
            state = by_day.get(monday + row)
            draw.rectangle(box, fill=_NO_SESSION if state is None else _colour(state))
            if cell.words and state is not None:
                _draw_words(draw, box, state)


def _draw_words(draw: "ImageDraw", box: tuple[int, int, int, int], state: Completeness) -> None:
    ink = "#222222" if 0.9 <= state.ratio < 1 else "#ffffff"
    middle = (box[0] + box[2]) // 2
    draw.text((middle, box[1] + 10), f"{state.session:%d %b}", fill=ink, anchor="mm")
    draw.text((middle, box[1] + 23), f"{state.stored:,} / {state.expected - state.final:,}", fill=ink, anchor="mm")


def _draw_legend(draw: "ImageDraw", top: int) -> None:
    left = 8
    captions = [(colour, words) for _, colour, words in _CLASSES]
    for colour, words in [*captions, (_NONE_STORED, "none"), (_NO_SESSION, "no session, or not loaded")]:
        draw.rectangle((left, top, left + 11, top + 11), fill=colour)
        draw.text((left + 16, top + 6), words, fill=_INK, anchor="lm")
        left += 16 + int(draw.textlength(words)) + 14


def _colour(state: Completeness) -> str:
    if state.stored == 0 and state.expected > state.final:
        return _NONE_STORED
    return next(colour for bound, colour, _ in _CLASSES if state.ratio >= bound)


def _monday(day: date) -> int:
    return day.toordinal() - day.weekday()
