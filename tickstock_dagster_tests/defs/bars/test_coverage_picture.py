"""The coverage picture: what a person sees at one glance."""

import base64
import io
import re
from datetime import date, timedelta

import pytest
from PIL import Image

from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.defs.bars.coverage_picture import coverage_markdown, coverage_png

GREEN, LIGHT_GREEN, RED = (0x1A, 0x98, 0x50), (0xB7, 0xE0, 0x75), (0xD6, 0x30, 0x3B)
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
