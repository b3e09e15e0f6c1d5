"""The coverage picture in a run's metadata: how complete a load is, at one glance."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.defs.pictures import (
    ABSENT,
    BLACK,
    GREEN,
    MARGIN,
    ORANGE,
    VERMILLION,
    YELLOW,
    CellSheet,
    Shade,
    ink_on,
    picture_markdown,
    words_width,
)

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")
_CLASSES = (
    (1.0, Shade(GREEN, "all")),
    (0.99, Shade("#a5dcc9", "99 %+", "dot")),
    (0.95, Shade(YELLOW, "95 %+", "dash")),
    (0.9, Shade(ORANGE, "90 %+", "slash")),
    (0.0, Shade(VERMILLION, "less", "cross")),
)
"""Lowest share of owed bars that are stored, and its shade. One missing bar of hundreds is not green."""

_NONE_STORED = Shade(BLACK, "none", "cross")
_NO_SESSION = Shade(ABSENT, "no session, or not loaded")

_LEFT, _TOP, _GAP, _CELL_WIDTH = 38, 44, 3, 78
_LINE_WEEKS = 60
"""Longer spans are drawn as one band per calendar year."""

_WORDS_WIDTH = 780
"""Widest picture in pixels whose cells carry words: what the UI shows without shrinking it."""


def coverage_markdown(states: Sequence[Completeness]) -> str:
    """A heat map of completeness as a markdown image; the worst sessions below it in words."""
    worst = sorted((state for state in states if state.missing), key=lambda state: state.ratio)[:5]
    lines = [f"- {s.session}: {s.missing} of {s.expected} missing ({s.ratio:.1%})" for s in worst]
    return picture_markdown("coverage", coverage_png(states), lines or ["Every session is complete."])


def coverage_png(states: Sequence[Completeness]) -> bytes:
    """A calendar heat map: one cell per session, a row per weekday, a column per week; green is complete.

    Up to ten weeks of hundreds of bars, each cell shows its day and its numbers; beyond, each class has a mark. Beyond
    sixty weeks every calendar year is a band.

    Args:
        states: ascending by session, at least one.
    """
    weeks = (_monday(states[-1].session) - _monday(states[0].session)) // 7 + 1
    bands = [list(states)]
    if weeks > _LINE_WEEKS:
        bands = [list(band) for _, band in groupby(states, lambda state: state.session.year)]
    sheet = CellSheet("Bars stored of bars owed, by session")
    width = _words_width(states)
    words = weeks * width <= _WORDS_WIDTH
    size = (width, 36) if words else (14, 14)
    for number, band in enumerate(bands):
        top = _TOP + number * (len(_DAYS) * size[1] + 18)
        _draw_band(sheet, band, top, size, words=words)
    shades = [*(shade for _, shade in _CLASSES), _NONE_STORED, _NO_SESSION]
    sheet.legend([Shade(shade.colour, shade.caption) for shade in shades] if words else shades)
    return sheet.png()


def _draw_band(
    sheet: CellSheet, states: Sequence[Completeness], top: int, size: tuple[int, int], *, words: bool
) -> None:
    width, height = size
    first, last = states[0].session, states[-1].session
    by_day = {state.session.toordinal(): state for state in states}
    for row, name in enumerate(_DAYS):
        sheet.words(MARGIN, top + row * height + (height - _GAP) / 2, name)
    month, free_from = None, 0
    for week, monday in enumerate(range(_monday(first), _monday(last) + 1, 7)):
        left = _LEFT + week * width
        friday = min(date.fromordinal(monday + 4), last)
        if friday.month != month and left >= free_from:
            caption = friday.strftime("%b %Y" if month is None else "%b")
            sheet.words(left, top - 9, caption)
            free_from = left + int(words_width(caption)) + 8
        month = friday.month
        for row in range(len(_DAYS)):
            state = by_day.get(monday + row)
            shade = _NO_SESSION if state is None else _shade(state)
            place = (left, top + row * height)
            sheet.cell(*place, width - _GAP, height - _GAP, Shade(shade.colour) if words else shade)
            if words and state is not None:
                ink, middle = ink_on(shade.colour), place[0] + (width - _GAP) / 2
                sheet.words(middle, place[1] + 10, f"{state.session:%d %b}", ink=ink, centred=True)
                sheet.words(middle, place[1] + 23, _numbers(state), ink=ink, centred=True)


def _words_width(states: Sequence[Completeness]) -> int:
    """Width of a cell that fits the longest numbers, in pixels."""
    return max(_CELL_WIDTH, int(words_width(max(map(_numbers, states), key=len))) + 10)


def _numbers(state: Completeness) -> str:
    return f"{state.stored:,} / {state.expected - state.final:,}"


def _shade(state: Completeness) -> Shade:
    if state.stored == 0 and state.expected > state.final:
        return _NONE_STORED
    return next(shade for bound, shade in _CLASSES if state.ratio >= bound)


def _monday(day: date) -> int:
    return day.toordinal() - day.weekday()
