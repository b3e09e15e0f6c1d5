"""Matches the rows of a ticker list with securities, across lists whose FIGIs come, go and repeat.

The composite FIGI is the identity. A row without one belongs to the security that holds its ticker that day; a holder
that was known by its ticker alone gets the FIGI when a list has it. On one day a security has one ticker, and a ticker
one security: of contradicting rows the one that agrees with the history counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from tickstock_dagster.core.securities.listing_records import WITHOUT_FIGI, Listed, Security


@dataclass(frozen=True, slots=True)
class OwnedRow:
    """A row, and the known identity of its security; None for a new one. The row's identity is the security's."""

    row: Listed
    known_as: str | None


def own_rows(listed: Iterable[Listed], known: Mapping[str, Security], on: date, *, read_before: bool) -> list[OwnedRow]:
    """Match each row with its security; every security and every ticker occurs at most once.

    Args:
        listed: the list's rows.
        known: every security by its identity.
        on: the list's date.
        read_before: whether a list of that date was taken in before. The first reading stands: rows that contradict
            it are left out, new ones are added.
    """
    holders = {run.ticker: s for s in known.values() for run in s.intervals if run.covers(on)}
    rows = _one_row_per_ticker(_one_ticker_per_figi(listed, holders), holders)
    figis = {row.composite_figi for row in rows if row.composite_figi}
    owned = []
    for row in rows:
        holder = holders.get(row.ticker)
        if row.composite_figi in known:
            known_as: str | None = row.composite_figi
        elif row.composite_figi and holder is not None and not holder.identity.startswith(WITHOUT_FIGI):
            known_as = None
        elif holder is not None and holder.identity not in figis:
            known_as = holder.identity
            if not known_as.startswith(WITHOUT_FIGI):
                row = replace(row, composite_figi=known_as)  # noqa: PLW2901  # the vendor sometimes drops FIGIs
        else:
            known_as = row.identity if row.identity in known else None
        security = known[known_as] if known_as else None
        if not (read_before and _contradicts(security, holder, row, on)):
            owned.append(OwnedRow(row, known_as))
    return owned


def _one_ticker_per_figi(listed: Iterable[Listed], holders: Mapping[str, Security]) -> list[Listed]:
    """Of several tickers of one FIGI the held one keeps it, else the first; the others are known by their ticker."""
    rows = list(listed)
    kept: dict[str, str] = {}
    for row in rows:
        if row.composite_figi and (row.composite_figi not in kept or _holds(holders, row)):
            kept[row.composite_figi] = row.ticker
    return [
        row if kept.get(row.composite_figi or "", row.ticker) == row.ticker else replace(row, composite_figi=None)
        for row in rows
    ]


def _one_row_per_ticker(rows: Iterable[Listed], holders: Mapping[str, Security]) -> list[Listed]:
    """Of several rows of one ticker, keep its holder's, else the first."""
    kept: dict[str, Listed] = {}
    for row in rows:
        if row.ticker not in kept or (_holds(holders, row) and not _holds(holders, kept[row.ticker])):
            kept[row.ticker] = row
    return list(kept.values())


def _holds(holders: Mapping[str, Security], row: Listed) -> bool:
    holder = holders.get(row.ticker)
    return holder is not None and holder.identity == row.composite_figi


def _contradicts(security: Security | None, holder: Security | None, row: Listed, on: date) -> bool:
    """Whether the row's ticker was sighted that day with another security, or its security under another ticker."""
    of_other = holder is not None and holder is not security and any(
        run.ticker == row.ticker and run.spans(on) for run in holder.intervals
    )  # fmt: skip
    return of_other or (
        security is not None and any(run.ticker != row.ticker and run.spans(on) for run in security.intervals)
    )
