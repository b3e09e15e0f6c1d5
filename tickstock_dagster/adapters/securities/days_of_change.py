"""The day on which a security took a ticker, asked of the vendor; and a list's rows as `core.securities` reads them.

Which days to ask for belongs in `core.securities.security_history`.
"""

import logging
from datetime import date, timedelta

import polars as pl

from tickstock_dagster.adapters.sources.protocol import NotFoundError, ReferenceSource, TransientVendorError
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.listing_records import Boundary, Listed

_LOG = logging.getLogger(__name__)


def day_of_change(source: ReferenceSource, boundary: Boundary) -> date | None:
    """The day of a change: as the vendor states it, else found by bisection over dated lists.

    None where the vendor could not be asked, as about a text that is no ticker: one ticker without an answer does not
    end the take-in of a list.

    Raises:
        PermanentVendorError: asking about other tickers is pointless, too.
    """
    try:
        return _stated(source, boundary) or _bisected(source, boundary)
    except (TransientVendorError, BadInputError) as error:
        _LOG.warning("whose %s was until %s is asked again: %s", boundary.ticker, boundary.until, error)
        return None


def rows_of(answer: pl.DataFrame) -> list[Listed]:
    """The rows of a list (`adapters.sources.protocol.LISTING_SCHEMA`)."""
    return [
        Listed(
            ticker=row["ticker"],
            composite_figi=row["composite_figi"],
            name=row["name"],
            equity_type=row["equity_type"],
            primary_exchange=row["primary_exchange"],
            cik=row["cik"],
            share_class_figi=row["share_class_figi"],
        )
        for row in answer.iter_rows(named=True)
    ]


def _stated(source: ReferenceSource, boundary: Boundary) -> date | None:
    try:
        changes = source.ticker_changes(boundary.ticker)
    except NotFoundError:
        return None
    return next(
        (
            change.effective
            for change in changes
            if change.ticker == boundary.ticker and boundary.after < change.effective <= boundary.until
        ),
        None,
    )


def _bisected(source: ReferenceSource, boundary: Boundary) -> date:
    after, until = boundary.after, boundary.until
    while until - after > timedelta(days=1):
        middle = after + (until - after) / 2
        rows = rows_of(source.listings(on=middle, tickers=[boundary.ticker]))
        holds = any(row.identity == boundary.identity for row in rows)
        after, until = (after, middle) if holds == boundary.begins else (middle, until)
    return until
