"""Loading the vendor's list of delisted securities: at most once a month, in one transaction."""

from dataclasses import dataclass
from datetime import date

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import FinishedUnit, units_done
from tickstock_dagster.adapters.securities.listing_store import histories_held, read_securities, write_securities
from tickstock_dagster.adapters.sources.protocol import ReferenceSource, VendorError
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.securities.delisted import learn_delisted
from tickstock_dagster.core.securities.listing_records import Listed


@dataclass(frozen=True, slots=True)
class DelistedReport:
    """New securities from the list, tickers whose row contradicts the dated lists, and whether the vendor was asked."""

    learned: int
    contradicted: tuple[str, ...]
    asked: bool


def take_in_delisted(context: LoadContext[ReferenceSource], today: date) -> DelistedReport:
    """Learn of the securities that left the market before our first list; asks the vendor once a calendar month.

    Args:
        context: its source is the vendor; nothing is learned from a source without ticker lists.
        today: a day of the month in question.

    Raises:
        VendorError: the list did not come; nothing was changed.
        ServiceUnavailableError: the database cannot be reached.
    """
    source, month = context.source, today.replace(day=1)
    unit = WorkUnit(UnitKind.DELISTED, context.market, source.name, "*", month, month)
    if not source.capabilities.listings or units_done(context.engine, [unit]):
        return DelistedReport(0, (), asked=False)
    started = context.now()
    with histories_held(context.engine):
        try:
            rows = source.listings(active=False)
        except VendorError:
            context.record_calls()
            raise
        dated = [
            (
                Listed(**{name: row[name] for name in _FACTS}),
                row["delisted_on"],
            )
            for row in rows.iter_rows(named=True)
            if row["delisted_on"] is not None
        ]
        changed, contradicted = learn_delisted(read_securities(context.engine, context.market), dated)
        end = FinishedUnit(unit, rows.height, started)
        write_securities(context, changed, [end])
    learned = sum(security.security_id is None for security in changed)
    return DelistedReport(learned, tuple(contradicted), asked=True)


_FACTS = ("ticker", "composite_figi", "name", "equity_type", "primary_exchange", "cik", "share_class_figi")
