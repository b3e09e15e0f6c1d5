"""The file that a market outside the US is read from, as a resource, and what it has of the bars that are owed.

Reading its rows belongs in `adapters.sources`; the assets are in `defs.bars.market_bars`.
"""

from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg
import polars as pl
from pydantic import Field

from tickstock_dagster.adapters.sources.bar_files import given_path, is_there
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.market_files import MarketFileSource
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.core.bars.file_options import parse_file_text
from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.owed import fillable
from tickstock_dagster.settings import market_file


def resource_key(mic: str) -> str:
    """The name of a market's resource, by its MIC."""
    return f"files_{mic.lower()}"


class MarketFiles(dg.ConfigurableResource["MarketFiles"]):
    """Where a market's bars come from."""

    mic: str = Field(description="MIC of the market.")
    source: str = Field(
        default="",
        description="files:PATH, a file or folder of daily bars; empty: TICKSTOCK_FILES_ and the market's MIC.",
    )

    @property
    def lacks(self) -> str:
        """Why nothing of the market is loaded, in words; empty where a file is named."""
        if self._named:
            return ""
        return f"TICKSTOCK_FILES_{self.mic} is not set: no bars of {market_named(self.mic).name} are loaded"

    def open(self) -> MarketFileSource:
        """The file; nothing is read yet.

        Raises:
            BadInputError: not files:PATH, or there is no such file.
        """
        named = self._named
        text, options = parse_file_text(named.removeprefix("files:"))
        path = given_path(text)
        if not named.startswith("files:") or not text or not is_there(path):
            raise BadInputError(f"TICKSTOCK_FILES_{self.mic}", named, "files:PATH of an existing file")
        return MarketFileSource(path, market_named(self.mic), options)

    def same_day(self) -> bool:
        """A file may come on the session's own day; until it has, it is not out."""
        return True

    @property
    def _named(self) -> str:
        return self.source or market_file(self.mic)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a file has of owed bars.

    Attributes:
        cells: `core.loading.owed.OWED_SCHEMA`, those that it can fill.
        due: whether some of them may be asked for now.
        absent: sessions among the owed ones of which it has no row at all, ascending.
        newest: its last session; None where it is empty.
    """

    cells: pl.DataFrame
    due: bool
    absent: tuple[date, ...]
    newest: date | None


def offer_of(source: MarketSource, owed: pl.DataFrame, now: datetime) -> Offer:
    """What a file has of owed bars.

    Args:
        source: a file.
        owed: `core.loading.owed.OWED_SCHEMA`.
        now: aware.

    Raises:
        BadInputError: the file cannot be read.
    """
    assert isinstance(source, FileSource)  # noqa: S101  # asked for roads by file alone
    days = owed["session"].unique().sort().to_list()
    cells = fillable(owed, source.cells_on(days), source.name)
    due = cells.filter(pl.col("retry_at").is_null() | (pl.col("retry_at") <= now)).height > 0
    absent = tuple(day for day in days if day not in source.sessions)
    return Offer(cells, due, absent, max(source.sessions, default=None))
