"""Sizing a load from ticker lists alone: what it would ask about the changes between two lists is counted, not asked.

Every answer is assumed to be the one that makes the load largest. Asking belongs in `adapters.securities.listing_sync`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from tickstock_dagster.adapters.ledger.context import ListingForecast
from tickstock_dagster.core.securities.listing_records import Boundary, Listed, Resolver, Security
from tickstock_dagster.core.securities.ticker_histories import close_delisted

SINGLE_QUESTIONS = 20
"""Up to this many vanished tickers are asked for one by one; beyond, the whole list of delisted ones is cheaper."""

DELISTED_PAGES = 40
"""Calls for the whole list of delisted tickers, at most, as they are counted here: only the list has its length."""


def assumed_days(forecast: ListingForecast, known: Iterable[Security], listed: Iterable[Listed]) -> Resolver:
    """Counts the calls for the day of each change, at most: for what the vendor states, and for a bisection.

    A security that both lists show was renamed: on the latest day, so that bars are missing under both tickers. A
    ticker that passed from another security has its new holder from the first day on.
    """
    in_both = {security.identity for security in known} & {row.identity for row in listed}

    def assume(boundary: Boundary) -> date:
        days = (boundary.until - boundary.after).days
        forecast.questions += 1 + (days - 1).bit_length()
        return boundary.until if boundary.identity in in_both else boundary.after + timedelta(days=1)

    return assume


def assumed_delistings(forecast: ListingForecast, gone: Sequence[Security], on: date) -> dict[str, Security]:
    """Counts the calls that confirm delistings, at most; each security is listed until a list lacks it.

    Args:
        forecast: counts.
        gone: securities that are in a list and not in a later one.
        on: date of the list being stored.
    """
    forecast.questions += len(gone) if len(gone) <= SINGLE_QUESTIONS else DELISTED_PAGES
    return {security.identity: close_delisted(security, security.intervals[-1].valid_to or on) for security in gone}
