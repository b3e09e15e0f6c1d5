"""Writing whole chains of tickers, as the vendor's events or a file of symbols state them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import psycopg

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import histories_held, read_securities, write_securities
from tickstock_dagster.adapters.sources.protocol import ReferenceSource, TickerChange
from tickstock_dagster.core.securities.listing_records import Interval, Security
from tickstock_dagster.core.securities.stated_tickers import state_tickers


@dataclass(frozen=True, slots=True)
class StatedChain:
    """All tickers of one security, as a source states them.

    Attributes:
        identity: composite FIGI, or `ticker:` and a ticker, of a security that may not be stored yet.
        tickers: each with its first day, ascending.
        ended_on: the first day on which it no longer traded; None: still listed.
    """

    identity: str
    tickers: Sequence[TickerChange]
    ended_on: date | None = None


def state_chains(
    context: LoadContext[ReferenceSource], chains: Sequence[StatedChain], until: date
) -> Mapping[str, bool]:
    """Write proven intervals of securities whose whole chains of tickers a source states. Twice equals once.

    Args:
        context: of the load.
        chains: of one security each.
        until: the day up to which the source speaks.

    Returns:
        For each identity, whether its chain was taken in: not where it contradicts a list, or another chain.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    taken: dict[str, bool] = {}
    with histories_held(context.engine):
        for chain in chains:
            links = [(change.ticker, change.effective) for change in chain.tickers]
            known = read_securities(context.engine, context.market)
            current = next((one for one in known if one.identity == chain.identity), None) or _new(chain)
            if chain.ended_on is not None:
                last = replace(current.intervals[-1], valid_to=chain.ended_on, gone_on=None)
                current = replace(current, intervals=(*current.intervals[:-1], last), delisted_on=chain.ended_on)
            changed = state_tickers(known, current, links, until)
            taken[chain.identity] = changed is not None
            if changed is not None:
                stored = {one.identity for one in known}
                new = [] if chain.identity in stored and current in known else [current]
                named = {one.identity for one in changed}
                write_stated(context, [*changed, *(one for one in new if one.identity not in named)], [], until)
    return taken


def _new(chain: StatedChain) -> Security:
    """A security that no list shows: seen under its last ticker, on the first day under it."""
    last = chain.tickers[-1]
    run = Interval(last.ticker, last.effective, chain.ended_on, "vendor", last.effective, last.effective)
    return Security(chain.identity, (run,), delisted_on=chain.ended_on)


def write_stated(
    context: LoadContext[ReferenceSource], changed: Sequence[Security], asked: Sequence[Security], on: date
) -> None:
    """Store changed histories, and about whom the source was asked, in one transaction."""
    ids = [one.security_id for one in (*changed, *asked) if one.security_id is not None]

    def note(cursor: psycopg.Cursor) -> None:
        if asked:
            asked_ids = [one.security_id for one in asked]
            cursor.execute(statement("securities/tickers_asked"), {"security_ids": asked_ids, "on": on})
        cursor.execute(statement("loading/gaps_unproven_delete"), {"security_ids": ids if changed else []})

    write_securities(context, changed, [], also=note)
