"""Taking in the vendor's list of delisted securities: once a month at most, in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.ledger.calls import record_calls
from tickstock_dagster.adapters.ledger.units import FinishedUnit, units_done
from tickstock_dagster.adapters.securities.listing_store import histories_held, read_securities, write_securities
from tickstock_dagster.adapters.sources.protocol import BarSource, VendorError
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.securities.delisted import learn_delisted
from tickstock_dagster.core.securities.listing_records import Listed


@dataclass(frozen=True, slots=True)
class DelistedReport:
    """What the list told: securities learned, tickers whose row contradicts what was seen."""

    learned: int
    contradicted: tuple[str, ...]
    asked: bool


def take_in_delisted(
    source: BarSource, engine: sa.Engine, *, market: str, today: date, run_id: str, clock: Callable[[], datetime]
) -> DelistedReport:
    """Learn of the securities that left the market before our first list. Asked once a calendar month.

    Args:
        source: the vendor; one without ticker lists tells nothing.
        engine: the store's.
        market: MIC of the calendar.
        today: its month is the one asked for.
        run_id: the Dagster run, or cli.
        clock: gives aware times.

    Raises:
        VendorError: the list did not come; nothing was changed.
        ServiceUnavailableError: the database cannot be reached.
    """
    unit = WorkUnit(UnitKind.DELISTED, market, source.name, "*", today.replace(day=1), today.replace(day=1))
    if not source.capabilities.listings or units_done(engine, [unit]):
        return DelistedReport(0, (), asked=False)
    started = clock()
    with histories_held(engine):
        try:
            rows = source.listings(active=False)
        except VendorError:
            record_calls(engine, source.drain_calls(), source=source.name, run_id=run_id)
            raise
        dated = [
            (
                Listed(**{name: row[name] for name in _FACTS}),
                row["delisted_on"],
            )
            for row in rows.iter_rows(named=True)
            if row["delisted_on"] is not None
        ]
        changed, contradicted = learn_delisted(read_securities(engine, market), dated)
        end = FinishedUnit(unit, rows.height, started)
        write_securities(engine, changed, [end], source.drain_calls(), source=source.name, run_id=run_id, now=clock())
    learned = sum(security.security_id is None for security in changed)
    return DelistedReport(learned, tuple(contradicted), asked=True)


_FACTS = ("ticker", "composite_figi", "name", "equity_type", "primary_exchange", "cik", "share_class_figi")
