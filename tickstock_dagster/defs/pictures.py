"""What all pictures in metadata share: colours, marks, sizes, and the PNG inside markdown.

There are two ways to draw:

* `CellSheet` for flat cells with words: heat maps, matrices of sessions and symbols. Pillow draws them: every run is a
  process of its own, in which a coverage picture takes 0.1 s, and 1.0 s when it has to import matplotlib.
* `new_figure` and `figure_png` for charts with axes, which matplotlib draws: prices, performance. A figure belongs to
  its caller and to no global state, so that threads may draw at once; equal figures make equal bytes.

Both libraries are imported when a picture is drawn, never when the code location loads. Both ways make a palette PNG of
bounded size, since Dagster's storage keeps it permanently.
"""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

Mark = Literal["", "dot", "dash", "slash", "cross"]
"""A sign inside a cell, so that colour alone does not distinguish the classes."""

INK, PAPER, ABSENT = "#333333", "#ffffff", "#ececec"
GREEN, YELLOW, ORANGE, VERMILLION, BLACK = "#009e73", "#f0e442", "#e69f00", "#d55e00", "#1a1a1a"
"""From the palette of Okabe and Ito, safe for the common kinds of colour blindness."""

WORDS, TITLE = 11, 13
"""Font sizes in pixels."""

MARGIN = 8
MIN_WIDTH = 520
MAX_PNG = 60_000
"""Most bytes of one picture: a larger one is drawn with fewer colours, and replaced by words if that is not enough."""

POINT = 72 / 64
"""Points per pixel of a chart."""

_PER_INCH = 64
"""Pixels per inch for matplotlib: a power of two, so that sizes in pixels survive the conversion exactly."""

_COLOURS = (256, 32)
_BOX, _LEGEND_LINE = 11, 18


@dataclass(frozen=True, slots=True)
class Shade:
    """How a class of cells looks, and its caption in the legend."""

    colour: str
    caption: str = ""
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class _Words:
    x: float
    y: float
    text: str
    anchor: str
    ink: str
    size: int


class CellSheet:
    """A sheet of flat cells with words, which grows with its content; positions in pixels from the top left."""

    def __init__(self, title: str) -> None:
        self._cells: list[tuple[int, int, int, int, Shade]] = []
        self._words: list[_Words] = []
        self._right, self._bottom = MIN_WIDTH - MARGIN, 0
        self.words(MARGIN, 12, title, size=TITLE)

    @property
    def bottom(self) -> int:
        """The lower edge of everything on the sheet."""
        return self._bottom

    def cell(self, left: int, top: int, width: int, height: int, shade: Shade) -> None:
        """Add a filled cell.

        Args:
            left: its left edge.
            top: its upper edge.
            width: in pixels.
            height: in pixels.
            shade: its colour and mark; the caption is for the legend only.
        """
        self._cells.append((left, top, width, height, shade))
        self._grow(left + width, top + height)

    def words(self, x: float, y: float, text: str, *, ink: str = INK, size: int = WORDS, centred: bool = False) -> None:
        """Add one line of words.

        Args:
            x: its left end, or its middle if `centred`.
            y: its middle.
            text: the words.
            ink: their colour.
            size: font size in pixels.
            centred: `x` is the middle.
        """
        self._words.append(_Words(x, y, text, "mm" if centred else "lm", ink, size))
        width = words_width(text, size)
        self._grow(int(x + width / (2 if centred else 1)), int(y + size / 2))

    def legend(self, shades: Iterable[Shade]) -> None:
        """Add every shade with its caption below everything else, wrapped at the sheet's width."""
        left, top = MARGIN, self._bottom + 14
        for shade in shades:
            width = _BOX + 5 + int(words_width(shade.caption))
            if left > MARGIN and left + width > self._right:
                left, top = MARGIN, top + _LEGEND_LINE
            self.cell(left, top, _BOX, _BOX, shade)
            self.words(left + _BOX + 5, top + _BOX / 2, shade.caption)
            left += width + 14

    def png(self) -> bytes:
        """The sheet as a PNG."""
        from PIL import Image, ImageDraw

        image = Image.new("RGB", (self._right + MARGIN, self._bottom + MARGIN), PAPER)
        draw = ImageDraw.Draw(image)
        for left, top, width, height, shade in self._cells:
            draw.rectangle((left, top, left + width - 1, top + height - 1), fill=shade.colour)
            if shade.mark:
                _draw_mark(draw, left + width // 2, top + height // 2, min(width, height) // 4 + 1, shade)
        for words in self._words:
            draw.text((words.x, words.y), words.text, fill=words.ink, anchor=words.anchor, font=_font(words.size))
        return _small_png(image)

    def _grow(self, right: int, bottom: int) -> None:
        self._right, self._bottom = max(self._right, right), max(self._bottom, bottom)


def new_figure(width: int, height: int) -> "Figure":
    """An empty figure for a chart, of a size in pixels; `figure_png` turns it into a picture.

    Fonts and lines are in points; `WORDS * POINT` is the font size of a `CellSheet`.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width / _PER_INCH, height / _PER_INCH), dpi=_PER_INCH, facecolor=PAPER)


def figure_png(figure: "Figure") -> bytes:
    """A figure of `new_figure` as a PNG of its size."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    return _small_png(Image.frombuffer("RGBA", canvas.get_width_height(), pixels, "raw", "RGBA", 0, 1).convert("RGB"))


def ink_on(colour: str) -> str:
    """The colour of letters, dark or light, that has more contrast with a background."""
    light = _luminance(colour)
    dark_contrast, light_contrast = (light + 0.05) / (_luminance(BLACK) + 0.05), 1.05 / (light + 0.05)
    return BLACK if dark_contrast >= light_contrast else PAPER


def words_width(text: str, size: int = WORDS) -> float:
    """Width of words in pixels."""
    return _font(size).getlength(text)


def shortened(text: str, width: float, size: int = WORDS) -> str:
    """The words, cut to a width in pixels with an ellipsis."""
    if words_width(text, size) <= width:
        return text
    kept = next((end for end in range(len(text) - 1, 0, -1) if words_width(text[:end] + "…", size) <= width), 0)
    return text[:kept].rstrip() + "…"


def picture_markdown(name: str, png: bytes, lines: Sequence[str] = ()) -> str:
    """A picture as a markdown image with lines below it; without the image where it is larger than `MAX_PNG`."""
    if len(png) > MAX_PNG:
        image = f"The picture of {name} is left out: it would take {len(png) // 1000} kB."
    else:
        image = f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})"
    return "\n".join([image, "", *lines])


@cache
def _luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it, 0 black and 1 white."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _draw_mark(draw: "ImageDraw", x: int, y: int, reach: int, shade: Shade) -> None:
    ink = ink_on(shade.colour)
    if shade.mark == "dot":
        draw.rectangle((x - 1, y - 1, x + 1, y + 1), fill=ink)
    if shade.mark == "dash":
        draw.line((x - reach, y, x + reach, y), fill=ink)
    if shade.mark in ("slash", "cross"):
        draw.line((x - reach, y + reach, x + reach, y - reach), fill=ink)
    if shade.mark == "cross":
        draw.line((x - reach, y - reach, x + reach, y + reach), fill=ink)


@cache
def _font(size: int) -> "FreeTypeFont | ImageFont":
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _small_png(image: "Image") -> bytes:
    """The image as a PNG with a palette, which takes a third of the bytes for flat colours."""
    from PIL.Image import Dither

    data = b""
    for colours in _COLOURS:
        out = io.BytesIO()
        image.quantize(colours, dither=Dither.NONE).save(out, format="png", optimize=True)
        data = out.getvalue()
        if len(data) <= MAX_PNG:
            break
    return data
