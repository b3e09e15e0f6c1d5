"""What all pictures share: cells and words that fit, figures without global state, PNGs that are kept."""

import io
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from tickstock_dagster.defs import pictures
from tickstock_dagster.defs.pictures import (
    ABSENT,
    BLACK,
    GREEN,
    MAX_PNG,
    PAPER,
    POINT,
    VERMILLION,
    WORDS,
    YELLOW,
    CellSheet,
    Shade,
    figure_png,
    ink_on,
    new_figure,
    picture_markdown,
    shortened,
    words_width,
)


def pixels(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image.convert("RGB")


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def chart(width: int = 300, height: int = 201) -> bytes:
    figure = new_figure(width, height)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.plot([1, 3, 2], color=GREEN)
    axes.set_title("Closes", fontsize=WORDS * POINT)
    return figure_png(figure)


def test_a_sheet_grows_with_what_is_on_it_and_a_cell_is_filled_to_its_edges() -> None:
    sheet = CellSheet("A sheet")
    sheet.cell(600, 300, 20, 10, Shade(GREEN))
    image = pixels(sheet.png())
    assert image.size == (628, 318)
    inside = [image.getpixel(at) for at in ((600, 300), (619, 300), (600, 309), (619, 309))]
    outside = [image.getpixel(at) for at in ((599, 300), (620, 300), (600, 299), (600, 310))]
    assert (set(inside), set(outside)) == ({rgb(GREEN)}, {rgb(PAPER)})


def test_a_legend_goes_on_below_where_it_is_wider_than_the_sheet() -> None:
    sheet = CellSheet("A sheet")
    sheet.cell(8, 30, 40, 10, Shade(GREEN))
    sheet.legend([Shade(GREEN, "a caption of some length"), Shade(YELLOW, "another one"), Shade(VERMILLION, "x" * 70)])
    image = pixels(sheet.png())
    assert image.width == 520
    rows = {y for y in range(60, image.height) for x in range(8, 19) if image.getpixel((x, y)) == rgb(VERMILLION)}
    assert min(rows) > 70, "on a line of its own"
    edge = image.crop((512, 0, 520, image.height))
    assert edge.getcolors() == [(8 * image.height, rgb(PAPER))]


@pytest.mark.parametrize(("mark", "inked"), [("", 0), ("dot", 9), ("dash", 7), ("slash", 7), ("cross", 13)])
def test_marks_are_shapes_in_the_ink_that_stands_out(mark: pictures.Mark, inked: int) -> None:
    for colour in (GREEN, ABSENT, BLACK):
        sheet = CellSheet("")
        sheet.cell(100, 100, 11, 11, Shade(colour, mark=mark))
        cell = pixels(sheet.png()).crop((100, 100, 111, 111))
        assert sorted(cell.getcolors()) == sorted(
            [(121 - inked, rgb(colour)), *([(inked, rgb(ink_on(colour)))] * bool(inked))]
        )


def test_words_are_shortened_to_the_width_that_there_is() -> None:
    assert shortened("equity theme", 200) == "equity theme"
    short = shortened("equity theme of the year", 90)
    assert short.startswith("equity th")
    assert short.endswith("…")
    assert words_width(short) <= 90
    assert shortened("SPY", 1) == "…"


def test_the_ink_on_a_colour_is_the_one_of_more_contrast() -> None:
    assert {colour: ink_on(colour) for colour in (PAPER, YELLOW, ABSENT, BLACK, "#b2182b")} == {
        PAPER: BLACK,
        YELLOW: BLACK,
        ABSENT: BLACK,
        BLACK: PAPER,
        "#b2182b": PAPER,
    }


def test_a_chart_has_the_size_that_was_asked_for_and_no_global_state() -> None:
    image = pixels(chart())
    assert image.size == (300, 201)
    assert rgb(GREEN) in {colour for _, colour in image.getcolors(100_000)}
    assert "matplotlib.pyplot" not in sys.modules


def test_equal_charts_are_equal_bytes_in_threads_too() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len({*pool.map(lambda _: chart(), range(8)), chart()}) == 1


def test_a_picture_that_is_too_large_leaves_its_words() -> None:
    assert picture_markdown("prices", b"x" * MAX_PNG, ["- a line"]).startswith("![prices](data:image/png;base64,eHh4")
    assert picture_markdown("prices", b"x" * (MAX_PNG + 1), ["- a line"]).splitlines() == [
        "The picture of prices is left out: it would take 60 kB.",
        "",
        "- a line",
    ]


def test_many_colours_become_few_where_the_file_would_be_large() -> None:
    sheet = CellSheet("Noise")
    chance = random.Random(3)
    for place in range(60_000):
        colour = f"#{chance.randrange(0x1000000):06x}"
        sheet.cell(8 + place % 300 * 2, 30 + place // 300 * 2, 2, 2, Shade(colour))
    png = sheet.png()
    assert len(png) <= MAX_PNG
    assert len(pixels(png).getcolors(1_000)) <= 32
