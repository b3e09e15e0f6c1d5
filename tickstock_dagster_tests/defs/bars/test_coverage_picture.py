"""The coverage picture: what a person sees at one glance."""

import base64
import io
import re
from datetime import date, timedelta

import pytest
from PIL import Image

from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.defs.bars.coverage_picture import coverage_markdown, coverage_png

GREEN, LIGHT_GREEN, RED = (0x00, 0x9E, 0x73), (0xA5, 0xDC, 0xC9), (0xD5, 0x5E, 0x00)
MONDAY = date(2026, 11, 16)


def week(*missing: int, expected: int = 500) -> list[Completeness]:
    """A week that begins on Monday; for each session how many bars are missing."""
    return [
        Completeness(MONDAY + timedelta(days=day), expected, expected - count, 0, count)
        for day, count in enumerate(missing)
    ]


def colours(states: list[Completeness]) -> set[tuple[int, ...]]:
    """Colours of the picture above its legend."""
    image = Image.open(io.BytesIO(coverage_png(states))).convert("RGB")
    cells = image.crop((0, 44, image.width, image.height - 36))
    return {colour for count, colour in cells.getcolors(1_000_000) if count > 100}


def test_a_complete_week_is_green_and_a_single_missing_bar_of_five_hundred_is_not() -> None:
    assert GREEN in colours(week(0, 0, 0, 0, 0))
    assert LIGHT_GREEN not in colours(week(0, 0, 0, 0, 0))
    assert LIGHT_GREEN in colours(week(1, 1, 1, 1, 1))
    assert GREEN not in colours(week(1, 1, 1, 1, 1))
    assert {GREEN, RED} <= colours(week(0, 0, 0, 0, 300))


def test_the_worst_sessions_stand_below_it_in_words() -> None:
    words = coverage_markdown(week(0, 25, 5, 0, 500)).splitlines()[2:]
    assert words == [
        "- 2026-11-20: 500 of 500 missing (0.0%)",
        "- 2026-11-17: 25 of 500 missing (95.0%)",
        "- 2026-11-18: 5 of 500 missing (99.0%)",
    ]
    assert coverage_markdown(week(0, 0)).splitlines()[2:] == ["Every session is complete."]


@pytest.mark.parametrize("days", [1, 70, 400, 366 * 20], ids=lambda days: f"{days} days")
def test_any_span_is_a_small_png(days: int) -> None:
    span = [MONDAY - timedelta(days=back) for back in range(days)]
    states = [Completeness(day, 100, 99, 0, 1) for day in reversed(span) if day.weekday() < 5]
    match = re.match(r"!\[coverage\]\(data:image/png;base64,([^)]+)\)", coverage_markdown(states))
    assert match
    data = base64.b64decode(match[1])
    assert len(data) < 60_000, "Dagster's storage keeps it for good"
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    assert image.width < 2_000


def test_classes_without_numbers_differ_in_more_than_colour() -> None:
    """What is drawn inside a cell of 11 pixels, whatever its colour."""
    shapes = {}
    for missing in (0, 5, 20, 50, 300, 500):
        # A Friday far enough back that there is no room for words.
        states = [Completeness(MONDAY - timedelta(days=108), 500, 500, 0, 0), *week(missing)]
        image = Image.open(io.BytesIO(coverage_png(states))).convert("RGB")
        cell = image.crop((38 + 16 * 14, 44, 38 + 16 * 14 + 11, 44 + 11))
        edge = cell.getpixel((0, 0))
        shapes[missing] = tuple(cell.getpixel((x, y)) == edge for y in range(11) for x in range(11))
    assert len(set(shapes.values())) == 5, "less and none are both crossed out; none is black"
    assert shapes[300] == shapes[500]
    assert all(shapes[0])


def test_numbers_of_a_whole_market_stay_inside_their_cells() -> None:
    image = Image.open(io.BytesIO(coverage_png(week(0, 0, 0, 0, 0, expected=11_000)))).convert("RGB")
    wide = [x for x in range(image.width) if image.getpixel((x, 46)) == GREEN]
    assert len(wide) > 75, "wider than those of hundreds"
    lines = [image.getpixel((x, 44 + 23)) for x in (wide[0], wide[0] + 1, wide[-1] - 1, wide[-1])]
    assert set(lines) == {GREEN}
