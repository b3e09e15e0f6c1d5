"""The picture of correlations: what it shows for few and for many ETFs."""

import base64
import io
import re
from datetime import date

import polars as pl
import pytest
from PIL import Image

from tickstock_dagster.core.universes.correlations import CORRELATION_SCHEMA
from tickstock_dagster.defs.universes.correlation_picture import correlation_markdown, correlation_png

FRI, THU = date(2026, 11, 20), date(2026, 11, 19)
RED, BLUE, GREY = (178, 24, 43), (33, 102, 172), (0xEC, 0xEC, 0xEC)


def values(*rows: tuple[str, str, int, float], session: date = FRI) -> pl.DataFrame:
    numbers = {ticker: number for number, ticker in enumerate(dict.fromkeys(row[0] for row in rows))}
    frame = [(session, numbers[ticker], ticker, *rest) for ticker, *rest in rows]
    return pl.DataFrame(frame, schema=CORRELATION_SCHEMA, orient="row")


def colours(frame: pl.DataFrame) -> set[tuple[int, ...]]:
    """Colours of whole cells, those of the legend left out."""
    image = Image.open(io.BytesIO(correlation_png(frame, {0: "sectors", 1: "sectors"}))).convert("RGB")
    cells = image.crop((0, 0, image.width, image.height - 26))
    return {colour for count, colour in cells.getcolors(1_000_000) if count > 200}


def test_red_follows_blue_opposes_and_what_is_absent_is_grey() -> None:
    follows, opposes = ("XLK", "SPY", 60, 1.0), ("TLT", "IWM", 60, -1.0)
    assert RED in colours(values(follows))
    assert not {BLUE, GREY} & colours(values(follows))
    assert {RED, BLUE, GREY} <= colours(values(follows, opposes))


def test_the_ends_stand_below_it_in_words_for_the_newest_session() -> None:
    frame = pl.concat(
        [
            values(("XLK", "SPY", 252, 0.91), ("TLT", "SPY", 252, -0.4), ("TLT", "SPY", 60, -0.9)),
            values(("OLD", "SPY", 252, -1.0), session=THU),
        ]
    )
    assert correlation_markdown(frame, {}).splitlines()[2:] == [
        "- least with SPY over 252 sessions: TLT -0.40, XLK +0.91",
        "- most with SPY over 252 sessions: XLK +0.91, TLT -0.40",
    ]


@pytest.mark.parametrize("etfs", [1, 120, 250, 700])
def test_any_number_of_etfs_is_a_small_png(etfs: int) -> None:
    frame = values(
        *(
            (f"E{number}", reference, window, (number * 37 % 200) / 100 - 1)
            for number in range(etfs)
            for reference in ("SPY", "IWM")
            for window in (60, 252)
        )
    )
    types = {number: ("bonds", "sectors")[number % 2] for number in range(0, etfs, 3)}
    match = re.match(r"!\[correlations\]\(data:image/png;base64,([^)]+)\)", correlation_markdown(frame, types))
    assert match
    data = base64.b64decode(match[1])
    assert len(data) < 60_000, "Dagster's storage keeps it for good"
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    assert image.width < 2_000
    assert image.height < 4_000
