"""Random true histories of a small market, and what a truthful vendor tells of them. Shared by the listing tests."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from tickstock_dagster.core.securities.ticker_histories import (
    Boundary,
    Interval,
    Listed,
    Security,
    close_delisted,
    observe_list,
)

DAY_ZERO = date(2024, 1, 1)
HORIZON = 80


def day(number: int) -> date:
    return DAY_ZERO + timedelta(days=number)


def number_of(when: date) -> int:
    return (when - DAY_ZERO).days


@dataclass(frozen=True)
class Span:
    """`ticker` is held from day `first` to before day `end`; `end` HORIZON: still."""

    ticker: str
    first: int
    end: int


@dataclass
class World:
    """What is true. `spans` by security, each by time."""

    spans: dict[str, list[Span]] = field(default_factory=dict)

    def ticker(self, figi: str, on: date) -> str | None:
        number = number_of(on)
        return next((span.ticker for span in self.spans[figi] if span.first <= number < span.end), None)

    def span(self, figi: str, on: date) -> Span:
        number = number_of(on)
        return next(span for span in self.spans[figi] if span.first <= number < span.end)

    def list_of(self, on: date) -> list[Listed]:
        return [Listed(ticker, figi) for figi in self.spans if (ticker := self.ticker(figi, on)) is not None]

    def is_free(self, ticker: str, first: int, end: int) -> bool:
        """Whether nobody holds the ticker on the days from `first` to before `end`."""
        spans = (span for history in self.spans.values() for span in history)
        return all(span.ticker != ticker or end <= span.first or first >= span.end for span in spans)

    def delisted_on(self, figi: str) -> date | None:
        """As the vendor knows today, on the last day."""
        if figi not in self.spans:
            return None
        end = self.spans[figi][-1].end
        return day(end) if end < HORIZON else None

    def begins(self, figi: str, ticker: str) -> set[date]:
        """Days on which the security began to hold the ticker."""
        return {day(span.first) for span in self.spans.get(figi, []) if span.ticker == ticker}


@st.composite
def worlds(draw: st.DrawFn, *, may_return: bool = False) -> World:
    """Securities that join, leave, rename, swap tickers and take over the tickers of others.

    Args:
        draw: hypothesis.
        may_return: whether a security may be off the market for a while.
    """
    tickers = ["AA", "BB", "CC", "DD"][: draw(st.integers(2, 4))]
    world = World()
    for number in range(draw(st.integers(2, 6))):
        cuts = sorted(draw(st.sets(st.integers(0, HORIZON), min_size=2, max_size=5)))
        spans: list[Span] = []
        for first, end in pairwise(cuts):
            if may_return and spans and draw(st.booleans()):
                continue
            held = {spans[-1].ticker} if spans and spans[-1].end == first else set()
            free = [ticker for ticker in tickers if ticker not in held and world.is_free(ticker, first, end)]
            if not free:
                break
            spans.append(Span(draw(st.sampled_from(free)), first, end))
            world.spans[f"FIGI{number}"] = spans
    return world


class Store:
    """What listing_sync and listing_store do around `observe_list`, in memory: ask, confirm delistings, keep."""

    def __init__(self, world: World, *, pick: int = 0, may_lack_answers: bool = False) -> None:
        """`pick` chooses between true answers; `may_lack_answers`: a question may have none, and any day is told."""
        self.world = world
        self.pick = pick
        self.may_lack_answers = may_lack_answers
        self.securities: dict[int, Security] = {}
        self.lists: list[date] = []
        self.questions: list[Boundary] = []

    def resolve(self, boundary: Boundary) -> date:
        """The truth. Where a ticker was taken up more than once, any of these days is true."""
        self.questions.append(boundary)
        assert boundary.after < boundary.until
        days = sorted(
            when
            for when in self.world.begins(boundary.identity, boundary.ticker)
            if boundary.after < when <= boundary.until
        )
        if not days and self.may_lack_answers:
            return boundary.until
        assert days, f"{boundary} has no answer"
        return days[self.pick % len(days)]

    def take_in(self, on: date, listed: list[Listed] | None = None) -> list[Security]:
        """One list; the changes as they were stored."""
        rows = self.world.list_of(on) if listed is None else listed
        changes = observe_list(self.securities.values(), rows, on, self.resolve, lists=self.lists)
        changed = {security.identity: security for security in changes.changed}
        for security in changes.vanished:
            delisted_on = self.world.delisted_on(security.identity)
            if delisted_on is not None and delisted_on <= on:
                changed[security.identity] = close_delisted(security, delisted_on)
        stored = []
        for security in changed.values():
            security_id = len(self.securities) if security.security_id is None else security.security_id
            kept = replace(security, security_id=security_id)
            if kept != self.securities.get(security_id):
                self.securities[security_id] = kept
                stored.append(kept)
        identities = [security.identity for security in self.securities.values()]
        assert len(identities) == len(set(identities))
        if on not in self.lists:
            self.lists.append(on)
        return stored

    def of(self, identity: str) -> Security | None:
        return next((security for security in self.securities.values() if security.identity == identity), None)

    def ticker(self, identity: str, on: date) -> str | None:
        security = self.of(identity)
        return next((run.ticker for run in security.intervals if run.covers(on)), None) if security else None

    def holders(self, ticker: str, on: date) -> list[str]:
        return [
            security.identity
            for security in self.securities.values()
            for run in security.intervals
            if run.ticker == ticker and run.covers(on)
        ]


def check_structure(securities: Iterable[Security]) -> None:
    """The constraints of `ticker_intervals`, and no ticker with two securities on one day."""
    by_ticker: dict[str, list[tuple[Interval, str]]] = {}
    for security in securities:
        assert security.intervals
        for run in security.intervals:
            assert run.valid_from <= run.seen_from <= run.seen_to, run
            assert run.valid_to is None or run.seen_to < run.valid_to, run
            by_ticker.setdefault(run.ticker, []).append((run, security.identity))
        check_disjoint([(run, security.identity) for run in security.intervals])
    for claims in by_ticker.values():
        check_disjoint(claims)


def check_disjoint(claims: list[tuple[Interval, str]]) -> None:
    ordered = sorted(claims, key=lambda claim: claim[0].valid_from)
    for (former, _), (latter, _) in pairwise(ordered):
        assert former.valid_to is not None, (former, latter)
        assert former.valid_to <= latter.valid_from, (former, latter)
