"""On which days a ticker is proven to be a security's, and what a stated chain of tickers proves."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tickstock_dagster.core.securities.identity import TERM, unproven_spans
from tickstock_dagster.core.securities.listing_records import EARLIEST, Interval, Security
from tickstock_dagster.core.securities.stated_tickers import state_tickers
from tickstock_dagster_tests.core.securities.listing_worlds import (
    Span,
    Store,
    World,
    check_structure,
    day,
    number_of,
)

YEARS = 1_200
FIRST, LAST = day(0), day(YEARS - 1)


def seen(*runs: tuple[str, int, int], **values: object) -> Security:
    """A security with intervals (ticker, first sighting, last sighting), the first from ever, the last until now."""
    intervals = []
    for number, (ticker, first, last) in enumerate(runs):
        begins = day(first) if number else EARLIEST
        ends = day(runs[number + 1][1]) if number + 1 < len(runs) else None
        start_known = "vendor" if number else "unknown"
        intervals.append(Interval(ticker, begins, ends, start_known, day(first), day(last)))
    return Security("FIGI0", tuple(intervals), 1, **values)


def unproven(security: Security, *lists: int) -> list[tuple[int, int]]:
    spans = unproven_spans(security, [day(number) for number in lists], FIRST, LAST)
    return [(number_of(first), number_of(end)) for first, end in spans]


def test_two_lists_a_month_apart_prove_the_days_between() -> None:
    assert unproven(seen(("AA", 0, 31)), 0, 31) == [(62, YEARS)]
    assert unproven(seen(("AA", 0, 62)), 0, 31, 62) == [(93, YEARS)]


def test_two_lists_far_apart_prove_their_own_days() -> None:
    assert unproven(seen(("AA", 0, YEARS - 1)), 0, YEARS - 1) == [(1, YEARS - 1)]


def test_what_the_vendor_states_is_proven() -> None:
    (run,) = seen(("AA", 0, YEARS - 1)).intervals
    stated = replace(run, stated_from=day(0), stated_to=day(YEARS))
    assert unproven(Security("FIGI0", (stated,)), 0, YEARS - 1) == []


def test_a_bracket_longer_than_a_month_belongs_to_nobody() -> None:
    long = Interval("AA", day(101), None, "absent_before", day(900), day(YEARS - 1))
    assert unproven(Security("FIGI0", (long,)), 100, 900, YEARS - 1)[0] == (101, 900)
    short = Interval("AA", day(101), None, "absent_before", day(125), day(125))
    assert unproven(Security("FIGI0", (short,)), 100, 125)[0][0] > 125


def test_a_delisting_is_a_look_at_the_day_before() -> None:
    (run,) = seen(("AA", 0, 10)).intervals
    gone = Security("FIGI0", (replace(run, valid_to=day(40)),), delisted_on=day(40))
    assert unproven(gone, 0, 10, 100) == []
    far = Security("FIGI0", (replace(run, valid_to=day(400)),), delisted_on=day(400))
    assert unproven(far, 0, 10, 500) == [(11, 399)]


# Chains


def test_a_ticker_that_came_back_is_stated_between_two_lists_that_look_the_same() -> None:
    """QQQ, QQQQ from 2004 to 2011, QQQ again."""
    known = seen(("QQQ", 0, YEARS - 1))
    chain = [("QQQ", day(-500)), ("QQQQ", day(300)), ("QQQ", day(700))]
    (stated,) = state_tickers([known], known, chain, LAST) or []
    assert [(run.ticker, run.valid_from, run.valid_to) for run in stated.intervals] == [
        ("QQQ", day(-500), day(300)),
        ("QQQQ", day(300), day(700)),
        ("QQQ", day(700), None),
    ]
    assert unproven(stated, 0, YEARS - 1) == []
    check_structure([stated])
    assert state_tickers([stated], stated, chain, LAST) == []


def test_a_ticker_that_was_another_class_before_is_nobodys_but_its_own() -> None:
    """GOOG was class A's until 2014 and class C's since; the first list has neither."""
    bracket = Interval("GOOG", day(1), None, "absent_before", day(900), day(900))
    class_c, class_a = Security("C", (bracket,), 1), Security("A", (replace(bracket, ticker="GOOGL"),), 2)
    (stated,) = state_tickers([class_c, class_a], class_c, [("GOOG", day(600))], LAST) or []
    assert (stated.intervals[0].valid_from, stated.intervals[0].start_known) == (day(600), "vendor")
    assert unproven(stated, 0, 900) == [(931, YEARS)]
    changed = state_tickers([stated, class_a], class_a, [("GOOG", day(200)), ("GOOGL", day(600))], LAST) or []
    assert [security.identity for security in changed] == ["A"]
    check_structure([stated, *changed])


def test_a_chain_that_contradicts_a_sighting_proves_nothing() -> None:
    known = seen(("AA", 0, 900))
    assert state_tickers([known], known, [("AA", day(-5)), ("BB", day(500))], LAST) is None
    assert state_tickers([known], known, [("CC", day(-5))], LAST) is None
    other = replace(seen(("BB", 100, 400)), identity="FIGI1")
    mine = seen(("BB", 900, 900))
    assert state_tickers([mine, other], mine, [("BB", day(50))], LAST) is None


def test_a_chain_bounds_the_other_holders_of_its_tickers() -> None:
    former = replace(seen(("AA", 0, 100)), identity="FIGI1")
    (run,) = seen(("AA", 900, 900)).intervals
    mine = Security("FIGI0", (replace(run, valid_from=day(101), start_known="absent_before"),), 1)
    former = replace(former, intervals=(replace(former.intervals[0], valid_to=day(101)),))
    changed = state_tickers([mine, former], mine, [("AA", day(500))], LAST) or []
    check_structure([former, *changed])
    assert changed[0].intervals[0].valid_from == day(500)


@st.composite
def long_lives(draw: st.DrawFn) -> World:
    """Securities whose tickers last for longer than the term, and so do the pauses between them."""
    world, term = World(), TERM.days + 1
    for number in range(draw(st.integers(1, 4))):
        cuts = sorted(draw(st.sets(st.integers(0, YEARS // term), min_size=2, max_size=5)))
        spans: list[Span] = []
        for first, end in pairwise(cuts):
            free = [
                ticker
                for ticker in ("AA", "BB", "CC")
                if world.is_free(ticker, (first - 1) * term, (end + 1) * term)
                and not (spans and spans[-1].ticker == ticker)
            ]
            if not free:
                break
            spans.append(Span(draw(st.sampled_from(free)), first * term, end * term))
            world.spans[f"FIGI{number}"] = spans
    return world


@settings(max_examples=300, deadline=None)
@example(
    World(
        spans={
            "FIGI0": [Span("AA", 160, 192)],
            "FIGI1": [Span("BB", 0, 32), Span("AA", 32, 64), Span("BB", 64, 96), Span("AA", 96, 128)],
        }
    ),
    [192, 32],
    True,
)
@example(
    World(
        spans={
            "FIGI0": [Span("AA", 0, 64), Span("BB", 64, 96), Span("AA", 96, 160)],
            "FIGI1": [Span("BB", 0, 32), Span("CC", 32, 128), Span("BB", 128, 160)],
        }
    ),
    [128],
    True,
)
@given(long_lives(), st.lists(st.integers(0, YEARS - 1), min_size=1, max_size=12), st.booleans())
def test_no_proven_day_contradicts_the_truth(world: World, days: list[int], events: bool) -> None:
    """Whatever the lists and whoever states all its tickers: a row of a proven day is never another security's."""
    store = Store(world, may_lack_answers=False)
    world.delisted_on = lambda _: None  # type: ignore[method-assign]
    for number in days:
        store.take_in(day(number))
    if events:
        for identity, spans in world.spans.items():
            security = store.of(identity)
            if security is None:
                continue
            chain = [(span.ticker, day(span.first)) for span in spans]
            for changed in state_tickers(store.securities.values(), security, chain, LAST) or []:
                assert changed.security_id is not None
                store.securities[changed.security_id] = changed
        check_structure(store.securities.values())
    lists = sorted(store.lists)
    for security in store.securities.values():
        doubtful = unproven_spans(security, lists, FIRST, LAST)
        for number in range(0, YEARS, 7):
            on = day(number)
            held = next((run.ticker for run in security.intervals if run.covers(on)), None)
            if held is None or any(first <= on < end for first, end in doubtful):
                continue
            holders = [figi for figi in world.spans if world.ticker(figi, on) == held]
            assert holders in ([], [security.identity]), (on, held, security)


def test_the_days_in_question_alone_are_named() -> None:
    security = seen(("AA", 0, YEARS - 1))
    spans = unproven_spans(security, [day(0), LAST], day(100), day(120))
    assert spans == [(day(100), day(121))]
    assert unproven_spans(security, [day(0), LAST], day(0) - timedelta(days=900), day(0) - TERM) == [
        (day(0) - timedelta(days=900), day(0) - TERM)
    ]


def test_a_day_of_no_listing_is_not_in_question() -> None:
    (run,) = seen(("AA", 0, 10)).intervals
    ended = Security("FIGI0", (replace(run, valid_to=day(20)),), delisted_on=day(20))
    assert unproven_spans(ended, [day(0), day(10)], day(20), LAST) == []
    assert date.min < FIRST


@settings(max_examples=300)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=4, unique=True),
    st.sets(st.integers(0, 400), max_size=12),
    st.integers(0, 440),
    st.integers(0, 70),
    st.booleans(),
)
def test_a_few_days_are_proven_as_they_are_within_many(
    sighted: list[int], others: set[int], begins: int, length: int, is_bracket: bool
) -> None:
    """The days of one load; a short question takes a short way."""
    bounds = sorted(sighted)
    runs = [("AA", bounds[0], bounds[-1])] if len(bounds) < 4 else [("AA", *bounds[:2]), ("BB", *bounds[2:])]
    lists = sorted({number for _, *seen_on in runs for number in seen_on} | others)
    security = seen(*runs)
    if is_bracket:
        first, *rest = security.intervals
        security = replace(security, intervals=(replace(first, start_known="absent_before"), *rest))
    ends = begins + length + 1
    clipped = [(max(first, begins), min(end, ends)) for first, end in unproven(security, *lists)]
    asked = unproven_spans(security, [day(number) for number in lists], day(begins), day(ends - 1))
    assert [(number_of(first), number_of(end)) for first, end in asked] == [
        span for span in clipped if span[0] < span[1]
    ]
