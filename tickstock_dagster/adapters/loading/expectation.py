"""Which bars are expected: of chosen tickers on every day, or of universes with the members of each session.

`adapters.loading.coverage` reads which of them are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Self

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import intervals_of, read_intervals
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET
from tickstock_dagster.core.loading.coverage import INTERVAL_SCHEMA, SPAN_SCHEMA
from tickstock_dagster.core.loading.expectation import bracket_stretches, expected_cells, expected_stretches
from tickstock_dagster.core.universes.catalogue import theme_references


@dataclass(frozen=True)
class Expectation:
    """Securities, and the days on which their bars are expected.

    Attributes:
        intervals: `INTERVAL_SCHEMA`, their whole listing histories.
        spans: `SPAN_SCHEMA`, the days on which their bars are expected; None: all days.
    """

    intervals: pl.DataFrame
    spans: pl.DataFrame | None = None

    @classmethod
    def of_tickers(cls, engine: sa.Engine, tickers: Sequence[str]) -> Self:
        """The securities that hold or last held one of the tickers, on every session."""
        return cls(read_intervals(engine, tickers))

    @classmethod
    def of_universes(
        cls,
        engine: sa.Engine,
        universes: Sequence[str] | None,
        first: date,
        last: date,
        *,
        stated: bool = False,
        market: str = MARKET,
    ) -> Self:
        """The members of some universes on each session: what a load of these sessions asks for.

        A theme comes with the funds that its members are compared with, on every session.

        Args:
            engine: the store's.
            universes: canonical names; None: all tracked universes. An unknown name adds nothing.
            first: first session.
            last: last session.
            stated: leave out sessions before each universe's first one.
            market: MIC of the calendar; members listed elsewhere are left out.
        """
        values = {
            "universes": None if universes is None else list(universes),
            "first": first,
            "last": last,
            "stated": stated,
            "market": market,
            "abroad": list(ABROAD),
            **_references(),
        }
        with transaction(engine) as connection:
            rows = connection.execute(statement("universes/universe_spans"), values).fetchall()
        spans = pl.DataFrame(rows, schema=SPAN_SCHEMA, orient="row")
        return cls(intervals_of(engine, spans["security_id"].unique().to_list()), spans)

    @classmethod
    def of_tracked(
        cls, engine: sa.Engine, first: date = date.min, last: date = date.max, *, market: str = MARKET
    ) -> Self:
        """What is expected: the members of all tracked universes, from each universe's first session on.

        Args:
            engine: the store's.
            first: first session.
            last: last session.
            market: MIC of the calendar.
        """
        return cls.of_universes(engine, None, first, last, stated=True, market=market)

    @classmethod
    def nothing(cls) -> Self:
        """No security on no day."""
        return cls(pl.DataFrame(schema=INTERVAL_SCHEMA), pl.DataFrame(schema=SPAN_SCHEMA))

    def with_listings_as_stored(self, engine: sa.Engine) -> Self:
        """The same securities on the same days, with listings as stored now: bars may move the start of a listing."""
        return replace(self, intervals=intervals_of(engine, self.security_ids))

    def same_days(self, other: "Expectation", first: date, last: date) -> bool:
        """Whether another expectation is of the same securities on the same days between two."""
        return _between(self.stretches, first, last).equals(_between(other.stretches, first, last))

    @property
    def begins(self) -> date | None:
        """The first day on which a bar of any of them is expected; None where none is, or where no day is stated."""
        first = None if self.spans is None else self.spans["valid_from"].min()
        return first if isinstance(first, date) else None

    @property
    def security_ids(self) -> list[int]:
        """The securities, ascending."""
        return self.intervals["security_id"].unique().sort().to_list()

    def cells(self, sessions: Sequence[date]) -> pl.DataFrame:
        """The cells (`CELL_SCHEMA`) of some sessions, ascending, in which a bar is expected."""
        return expected_cells(sessions, self.intervals, self.spans)

    @cached_property
    def stretches(self) -> pl.DataFrame:
        """The days (`STRETCH_SCHEMA`) on which a bar is expected if they are sessions."""
        return expected_stretches(self.intervals, self.spans)

    @property
    def brackets(self) -> pl.DataFrame:
        """The same of days on which there may be a bar, since a listing began or ended between two lists."""
        return bracket_stretches(self.intervals, self.spans)


def _between(stretches: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """What of some stretches lies between two days, included, in one order."""
    begins = pl.max_horizontal("valid_from", pl.lit(first))
    after = pl.lit(last + timedelta(days=1))
    ends = pl.min_horizontal(pl.col("valid_to").fill_null(after), after)
    cut = stretches.with_columns(valid_from=begins, valid_to=ends).filter(pl.col("valid_from") < pl.col("valid_to"))
    return cut.sort(pl.all())


def universe_tickers_between(
    engine: sa.Engine, universes: Sequence[str] | None, first: date, last: date, *, market: str = MARKET
) -> tuple[str, ...]:
    """The members' tickers, as last printed, of some universes between two sessions; and the references of themes.

    Args:
        engine: the store's.
        universes: canonical names; None: all tracked universes.
        first: first session.
        last: last session.
        market: MIC of the calendar; members listed elsewhere are left out.
    """
    names = None if universes is None else list(universes)
    values = {
        "universes": names,
        "first": first,
        "last": last,
        "market": market,
        "abroad": list(ABROAD),
        **_references(),
    }
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes/universe_tickers"), values))


def _references() -> dict[str, list[str]]:
    """The tickers that each theme's funds are compared with, as two columns."""
    themes, references = zip(*theme_references(), strict=True)
    return {"themes": list(themes), "references": list(references)}
