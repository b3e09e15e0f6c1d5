"""Loading ETF facts of a session: the shipped seed, and the vendor's profiles where the plan includes them.

The vendor's facts come before the seed's, one by one; names class the ETFs that neither source has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from tickstock_dagster.adapters.ledger.calls import write_calls
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import FinishedUnit, finish_units, units_done
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.securities.etf_profile_store import (
    SEED,
    EtfCount,
    apply_profiles,
    class_unprofiled,
    count_etfs,
    seed_funds,
    write_profiles,
)
from tickstock_dagster.adapters.sources.protocol import (
    NotEntitledError,
    NotFoundError,
    ReferenceSource,
    TransientVendorError,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.securities.etf_classification import classify_etf
from tickstock_dagster.core.securities.etf_seed import EtfFacts, check_figures
from tickstock_dagster.core.securities.tickers import canonical_ticker

LONGEST_INDEX = 100


@dataclass(frozen=True, slots=True)
class EtfReport:
    """What one session's ETF facts changed.

    Attributes:
        seed: funds of the shipped file.
        vendor: profiles from the vendor that passed validation.
        no_vendor: why there are none; None where the vendor answered.
        refused: rows of the vendor that failed validation, one line each.
        written: new or changed profiles.
        changed: securities whose ETF facts changed.
        by_name: ETFs classed by their names alone.
        counts: ETFs of the session by class.
    """

    session: date
    seed: int
    vendor: int
    no_vendor: str | None
    refused: tuple[str, ...]
    written: int
    changed: int
    by_name: int
    counts: tuple[EtfCount, ...]
    calls: int


def load_etf_profiles(context: LoadContext[ReferenceSource], session: date, *, ask_again: bool = False) -> EtfReport:
    """Fetch the session's profiles and store what is new, in one transaction; the same again changes nothing.

    The vendor is asked once for a session, unless `ask_again`. A transient failure of the vendor still stores the seed,
    and is raised afterwards.

    Raises:
        BadInputError: the shipped file is broken; nothing was changed.
        TransientVendorError: the vendor gave no answer that can be used.
        VendorError: the key is unknown, or the request is wrong.
        ServiceUnavailableError: the database cannot be reached; nothing was changed.
    """
    seed = seed_funds()
    started, source = context.now(), context.source
    unit = WorkUnit(UnitKind.ETF_PROFILES, context.market, source.name, "*", session, session)
    vendor: list[EtfFacts] = []
    refused: list[str] = []
    reason: str | None = None
    failure: TransientVendorError | None = None
    answered = False
    if not source.capabilities.etf_profiles:
        reason = f"{source.name} has no ETF profiles"
    elif not ask_again and units_done(context.engine, [unit]):
        reason = "asked before for this session"
    else:
        try:
            vendor, refused = _profiles(source, session, {fund.ticker: fund for fund in seed})
            answered = True
        except (NotEntitledError, NotFoundError) as error:
            reason = str(error)
        except TransientVendorError as error:
            reason, failure = str(error), error
    now = context.now()
    calls = context.drain()
    profiles = [(SEED, fund) for fund in seed] + [(source.name, facts) for facts in vendor]
    with transaction(context.engine) as connection, connection.cursor() as cursor:
        written = write_profiles(cursor, profiles, now=now)
        changed = apply_profiles(cursor, session, now=now)
        by_name, classed = class_unprofiled(cursor, session, now=now)
        counts = count_etfs(cursor, session)
        if answered:
            finish_units(cursor, [FinishedUnit(unit, len(vendor), started)], run_id=context.run_id, now=now)
        write_calls(cursor, calls, source.name, context.run_id)
    if failure is not None:
        raise failure
    return EtfReport(
        session, len(seed), len(vendor), reason, tuple(refused), written, changed + classed, by_name, tuple(counts),
        len(calls),
    )  # fmt: skip


def _profiles(source: ReferenceSource, session: date, seed: Mapping[str, EtfFacts]) -> tuple[list[EtfFacts], list[str]]:
    """The vendor's rows as facts, each ticker and day once, and why the others failed validation."""
    good: dict[tuple[str, date], EtfFacts] = {}
    refused: list[str] = []
    for row in _rows(source.etf_profiles(session)):
        if row["refused"]:
            refused.append(f"{row['ticker']}: {row['refused']}")
            continue
        try:
            facts = _facts(row, source.name, seed)
        except BadInputError as error:
            refused.append(str(error))
            continue
        good.setdefault((facts.ticker, facts.as_of), facts)
    return list(good.values()), refused


def _rows(frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    yield from frame.sort("ticker", "processed_date", descending=[False, True]).iter_rows(named=True)


def _facts(row: Mapping[str, Any], source: str, seed: Mapping[str, EtfFacts]) -> EtfFacts:
    """One of the vendor's rows. Class and themes come from the seed where it has the fund: people chose those."""
    ticker = canonical_ticker(row["ticker"])
    check_figures(ticker, row["aum_usd"], row["net_expenses"])
    words = " ".join(part for part in (row["category"], row["focus"], row["region"]) if part)
    known = seed.get(ticker)
    kind = classify_etf(ticker, row["name"], category=words, benchmark=row["primary_benchmark"])
    origin = f"{source}, ETF profile of {row['processed_date']}"
    return EtfFacts(
        ticker=ticker,
        as_of=row["effective_date"] or row["processed_date"],
        name=row["name"],
        issuer=row["issuer"],
        category=row["category"],
        themes=known.themes if known else kind.themes,
        etf_type=known.etf_type if known else kind.etf_type,
        underlying_index=(row["primary_benchmark"] or "")[:LONGEST_INDEX] or None,
        correlation_reference=known.correlation_reference if known else kind.correlation_reference,
        primary_exchange=known.primary_exchange if known else None,
        inception_date=row["inception_date"],
        aum_usd=row["aum_usd"],
        aum_source=None if row["aum_usd"] is None else origin,
        expense_ratio=row["net_expenses"],
        expense_ratio_source=None if row["net_expenses"] is None else origin,
    )
