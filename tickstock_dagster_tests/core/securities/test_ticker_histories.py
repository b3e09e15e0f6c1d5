from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickstock_dagster.core.securities.security_history import HOLES_LAST
from tickstock_dagster.core.securities.ticker_histories import (
    EARLIEST,
    Boundary,
    Interval,
    Listed,
    Security,
    SuspiciousListError,
    close_delisted,
    observe_list,
)
from tickstock_dagster_tests.core.securities.listing_worlds import (
    HORIZON,
    Span,
    Store,
    World,
    check_structure,
    day,
    worlds,
)

DAYS = st.lists(st.integers(0, HORIZON - 1), min_size=2, max_size=10)
THOROUGH = settings(max_examples=300)


def store_of(*histories: list[tuple[str, int, int]]) -> Store:
    """A store beside a world of FIGI0, FIGI1, …, each with (ticker, first day, day after the last)."""
    spans = {f"FIGI{number}": [Span(*span) for span in history] for number, history in enumerate(histories)}
    return Store(World(spans))


def take_in(store: Store, *days: int) -> None:
    for number in days:
        store.take_in(day(number))


def intervals(store: Store, identity: str = "FIGI0") -> list[tuple[str, date, date | None, str]]:
    security = store.of(identity)
    assert security is not None
    return [(run.ticker, run.valid_from, run.valid_to, run.start_known) for run in security.intervals]


# Properties


@THOROUGH
@given(worlds(), DAYS, st.integers(0, 2))
def test_histories_agree_with_the_truth_on_every_list_in_whatever_order_they_came(world, days, pick):
    store = Store(world, pick=pick)
    for number in days:
        store.take_in(day(number))
        check_structure(store.securities.values())
        for on in store.lists:
            for figi in world.spans:
                assert store.ticker(figi, on) == world.ticker(figi, on), (figi, on)


@THOROUGH
@given(worlds(), DAYS, st.integers(0, 2))
def test_bounds_are_never_too_narrow_and_stated_starts_are_true(world, days, pick):
    store = Store(world, pick=pick)
    for number in days:
        store.take_in(day(number))
    for security in store.securities.values():
        for run in security.intervals:
            assert run.seen_from in store.lists
            assert run.seen_to in store.lists
            assert (run.start_known == "unknown") == (run.valid_from == EARLIEST)
            if run.start_known == "vendor":
                assert run.valid_from in world.begins(security.identity, run.ticker)
            for on in store.lists:
                if run.spans(on) and world.ticker(security.identity, on) == run.ticker:
                    span = world.span(security.identity, on)
                    assert run.valid_from <= day(span.first)
                    assert run.valid_to is None or run.valid_to >= day(span.end)


@THOROUGH
@given(worlds(), DAYS, st.integers(0, 2))
def test_no_day_of_a_bracket_is_expected_and_each_sighting_is(world, days, pick):
    """A list that lacks a security bounds what is expected of it; nothing but lists and the vendor's word does."""
    store = Store(world, pick=pick)
    for number in days:
        store.take_in(day(number))
    for security in store.securities.values():
        for run in security.intervals:
            assert run.valid_from <= run.expected_from <= run.seen_from, "listed where it was seen"
            assert run.expected_to is None or run.seen_to < run.expected_to
            assert run.expected_to is None or run.valid_to is None or run.expected_to <= run.valid_to
            lacking = [on for on in store.lists if world.ticker(security.identity, on) is None]
            assert all(on < run.expected_from for on in lacking if on < run.seen_from) or run.start_known == "vendor"
            if run == security.intervals[-1] and security.delisted_on is None:
                since = [on for on in lacking if on > run.seen_to]
                shown = any(on > run.seen_to + HOLES_LAST for on in since) or (run.valid_to is not None and since)
                assert (run.gone_on is not None) == bool(shown)


@THOROUGH
@given(worlds(), DAYS, st.randoms(use_true_random=False))
def test_what_is_expected_does_not_depend_on_the_order_of_lists(world, days, random):
    """Of securities with one ticker, and a ticker with one security: the vendor is asked for nothing."""
    world.spans = {figi: [replace(history[0], ticker=figi)] for figi, history in world.spans.items()}
    expected = []
    for _ in range(2):
        store = Store(world)
        take_in(store, *days)
        expected.append(
            {
                (security.identity, run.ticker, run.expected_from)
                for security in store.securities.values()
                for run in security.intervals
            }
        )
        random.shuffle(days)
    assert expected[0] == expected[1]


@THOROUGH
@given(worlds(), DAYS)
def test_the_same_lists_again_change_nothing_and_ask_nothing(world, days):
    store = Store(world)
    take_in(store, *days)
    asked = len(store.questions)
    for number in days:
        assert store.take_in(day(number)) == []
    assert len(store.questions) == asked


@THOROUGH
@given(worlds(may_return=True), DAYS, st.integers(0, 2))
def test_a_security_off_the_market_for_a_while_is_at_worst_taken_for_listed(world, days, pick):
    store = Store(world, pick=pick, may_lack_answers=True)
    for number in days:
        store.take_in(day(number))
        check_structure(store.securities.values())
        for on in store.lists:
            for figi in world.spans:
                told, truth = store.ticker(figi, on), world.ticker(figi, on)
                if truth is not None:
                    assert told == truth
                elif told is not None:  # a hole between sightings, or an end that the vendor does not confirm
                    security, delisted_on = store.of(figi), world.delisted_on(figi)
                    is_hole = security.intervals[0].seen_from < on < security.intervals[-1].seen_to
                    assert is_hole or delisted_on is None or delisted_on > on
                    assert all(world.ticker(other, on) != told for other in world.spans)


@THOROUGH
@given(worlds(), DAYS, st.floats(0, 1), st.randoms(use_true_random=False))
def test_whoever_a_list_shows_stays_held_by_one_security_while_figis_come_and_go(world, days, share, random):
    store = Store(world, may_lack_answers=True)
    for number in days:
        rows = [
            replace(row, composite_figi=None) if random.random() < share else row for row in world.list_of(day(number))
        ]
        store.take_in(day(number), rows)
        check_structure(store.securities.values())
        for on in store.lists:
            for row in world.list_of(on):
                assert len(store.holders(row.ticker, on)) == 1


ROWS = st.lists(
    st.builds(Listed, st.sampled_from(["AA", "BB", "CC"]), st.sampled_from([None, "F1", "F2", "F3"])), max_size=6
)


@THOROUGH
@given(st.lists(st.tuples(st.integers(0, 30), ROWS), min_size=1, max_size=10), st.data())
def test_no_nonsense_breaks_the_tables_constraints(lists, data):
    """Repeated and contradicting rows, FIGIs that wander, a vendor that answers with any day."""
    store = Store(World())
    store.resolve = lambda boundary: data.draw(
        st.sampled_from([boundary.after, boundary.until, date(1990, 1, 1), date(2050, 1, 1)])
    )
    for number, rows in lists:
        is_first_reading = day(number) not in store.lists
        store.take_in(day(number), rows)
        check_structure(store.securities.values())
        if is_first_reading:
            assert all(store.holders(row.ticker, day(number)) for row in rows)


# One security


def test_the_first_list_says_that_nothing_earlier_is_known():
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10)
    assert intervals(store) == [("AA", EARLIEST, None, "unknown")]
    assert store.questions == []


def test_a_later_list_widens_what_was_seen_and_nothing_else():
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10, 50, 30)
    (run,) = store.of("FIGI0").intervals
    assert run == Interval("AA", EARLIEST, None, "unknown", day(10), day(50))


@pytest.mark.parametrize("order", [(10, 30), (30, 10)])
def test_a_newcomer_began_at_the_earliest_after_the_list_that_lacks_it(order):
    store = store_of([("AA", 20, HORIZON)])
    take_in(store, *order)
    assert intervals(store) == [("AA", day(11), None, "absent_before")]
    assert store.questions == []


def test_of_several_lists_before_the_newest_bounds_the_start():
    store = store_of([("AA", 20, HORIZON)])
    take_in(store, 30, 5, 15, 10)
    assert intervals(store) == [("AA", day(16), None, "absent_before")]


def test_a_start_at_the_first_bar_is_kept_whatever_lists_come():
    store = store_of([("AA", 20, HORIZON)])
    take_in(store, 10, 30)
    security = store.of("FIGI0")
    known = replace(security.intervals[0], valid_from=day(22), start_known="first_bar")
    store.securities[security.security_id] = replace(security, intervals=(known,))
    take_in(store, 40, 12)
    assert intervals(store) == [("AA", day(22), None, "first_bar")]


def test_a_list_that_shows_it_before_its_first_bar_moves_the_start():
    store = store_of([("AA", 20, HORIZON)])
    take_in(store, 10, 30)
    security = store.of("FIGI0")
    late = replace(security.intervals[0], valid_from=day(28), start_known="first_bar")
    store.securities[security.security_id] = replace(security, intervals=(late,))
    take_in(store, 25)
    assert intervals(store) == [("AA", day(11), None, "absent_before")]


@pytest.mark.parametrize("order", [(10, 50), (50, 10)])
def test_the_day_of_a_rename_is_asked_of_the_vendor(order):
    store = store_of([("FB", 0, 33), ("META", 33, HORIZON)])
    take_in(store, *order)
    assert intervals(store) == [("FB", EARLIEST, day(33), "unknown"), ("META", day(33), None, "vendor")]
    assert store.questions == [Boundary("META", "FIGI0", True, day(10), day(50))]


def test_a_third_ticker_found_between_two_asks_for_both_of_its_ends():
    store = store_of([("AA", 0, 20), ("BB", 20, 40), ("CC", 40, HORIZON)])
    take_in(store, 10, 50, 30)
    assert [run[:3] for run in intervals(store)] == [
        ("AA", EARLIEST, day(20)),
        ("BB", day(20), day(40)),
        ("CC", day(40), None),
    ]
    # The start of CC was told right at first, and is not asked for again.
    assert [question.ticker for question in store.questions] == ["CC", "BB"]


def test_a_rename_and_back_again_is_three_intervals():
    store = store_of([("AA", 0, 20), ("BB", 20, 40), ("AA", 40, HORIZON)])
    take_in(store, 10, 50, 30)
    assert [run[:3] for run in intervals(store)] == [
        ("AA", EARLIEST, day(20)),
        ("BB", day(20), day(40)),
        ("AA", day(40), None),
    ]


def test_a_confirmed_delisting_ends_the_history_and_deletes_nothing():
    store = store_of([("AA", 0, 20)])
    take_in(store, 10, 30)
    assert intervals(store) == [("AA", EARLIEST, day(20), "unknown")]
    assert store.of("FIGI0").delisted_on == day(20)


def test_an_absence_that_nobody_confirms_leaves_the_security_listed():
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10)
    changes = observe_list(store.securities.values(), [], day(11), store.resolve, lists=store.lists)
    assert [security.identity for security in changes.vanished] == ["FIGI0"]
    assert changes.changed == []


def test_a_security_that_is_known_to_be_delisted_does_not_vanish_again():
    store = store_of([("AA", 0, 20)])
    take_in(store, 10, 30)
    changes = observe_list(store.securities.values(), [], day(15), store.resolve, lists=store.lists)
    assert changes.vanished == []


@pytest.mark.parametrize("order", [(10, 20, 30), (10, 30, 20), (30, 10, 20)])
def test_a_hole_in_one_list_takes_no_days_away(order):
    store = store_of([("AA", 0, HORIZON)])
    for number in order:
        store.take_in(day(number), [] if number == 20 else None)
    assert intervals(store) == [("AA", EARLIEST, None, "unknown")]
    assert store.questions == []


def test_a_hole_before_the_first_sighting_is_mended_by_an_older_list():
    store = store_of([("AA", 0, HORIZON)])
    store.take_in(day(20), [])
    take_in(store, 30)
    assert intervals(store) == [("AA", day(21), None, "absent_before")]
    take_in(store, 10)
    assert intervals(store) == [("AA", EARLIEST, None, "unknown")]


def test_a_security_that_only_an_old_list_shows_ended_by_the_next_list():
    store = store_of([("AA", 0, 20)])
    take_in(store, 50, 30, 10)
    assert intervals(store) == [("AA", EARLIEST, day(30), "unknown")]


def test_a_hole_in_the_list_after_an_old_one_is_mended_by_the_next():
    store = store_of([("AA", 0, HORIZON)])
    store.take_in(day(30), [])
    take_in(store, 10)
    assert intervals(store) == [("AA", EARLIEST, day(30), "unknown")]
    take_in(store, 40)
    assert intervals(store) == [("AA", EARLIEST, None, "unknown")]


def test_a_relisting_under_the_old_ticker_is_an_interval_of_its_own():
    store = store_of([("AA", 0, 20)])
    take_in(store, 10, 30)
    store.world.spans["FIGI0"].append(Span("AA", 50, HORIZON))
    take_in(store, 60)
    assert intervals(store) == [("AA", EARLIEST, day(20), "unknown"), ("AA", day(31), None, "absent_before")]
    assert store.of("FIGI0").delisted_on is None
    take_in(store, 45, 55)
    assert intervals(store)[1] == ("AA", day(46), None, "absent_before")
    check_structure(store.securities.values())


def test_a_relisting_under_another_ticker_begins_after_the_delisting():
    store = store_of([("AA", 0, 20)])
    take_in(store, 10, 21)
    store.world.spans["FIGI0"].append(Span("BB", 50, HORIZON))
    take_in(store, 60)
    assert intervals(store) == [("AA", EARLIEST, day(20), "unknown"), ("BB", day(22), None, "absent_before")]


def test_a_ticker_found_between_a_delisting_and_the_relisting_belongs_to_the_new_life():
    store = store_of([("AA", 0, 20)])
    take_in(store, 10, 30)
    store.world.spans["FIGI0"] += [Span("BB", 40, 50), Span("AA", 50, HORIZON)]
    take_in(store, 60, 45)
    assert [run[:3] for run in intervals(store)] == [
        ("AA", EARLIEST, day(20)),
        ("BB", day(31), day(50)),
        ("AA", day(50), None),
    ]


def test_a_ticker_found_before_a_delisting_takes_over_the_end():
    store = store_of([("AA", 0, 15), ("BB", 15, 20)])
    take_in(store, 10, 30)
    assert intervals(store) == [("AA", EARLIEST, day(20), "unknown")]
    take_in(store, 18)
    assert intervals(store) == [("AA", EARLIEST, day(15), "unknown"), ("BB", day(15), day(20), "vendor")]


def test_a_sighting_soon_after_a_delisting_withdraws_it():
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10)
    security = store.of("FIGI0")
    store.securities[security.security_id] = close_delisted(security, day(20))
    take_in(store, 22)
    assert intervals(store) == [("AA", EARLIEST, None, "unknown")]
    assert store.of("FIGI0").delisted_on is None


# Ending a history


def security_seen(first: int, last: int, valid_to: int | None = None) -> Security:
    ends = None if valid_to is None else day(valid_to)
    return Security("FIGI0", (Interval("AA", EARLIEST, ends, "unknown", day(first), day(last)),), 1)


@pytest.mark.parametrize(
    ("delisted_on", "ends_on"),
    [(25, 25), (21, 21), (20, 21), (13, 21), (12, None)],
    ids=["later", "the day after", "off by one", "off by a week", "of an earlier listing"],
)
def test_a_sighting_outweighs_the_delisting_date(delisted_on, ends_on):
    closed = close_delisted(security_seen(10, 20), day(delisted_on))
    expected = None if ends_on is None else day(ends_on)
    assert (closed.intervals[-1].valid_to, closed.delisted_on) == (expected, expected)


def test_a_delisting_does_not_reach_into_the_days_of_the_tickers_next_holder():
    closed = close_delisted(security_seen(10, 20, valid_to=30), day(40))
    assert closed.intervals[-1].valid_to == day(30)
    assert closed.delisted_on == day(40)


# Brackets


def bracket(store: Store, identity: str = "FIGI0") -> tuple[date | None, ...]:
    (run,) = store.of(identity).intervals
    return run.valid_from, run.expected_from, run.expected_to, run.valid_to


@pytest.mark.parametrize("order", [(10, 30, 40), (40, 30, 10)])
def test_between_two_lists_a_listing_may_have_begun_and_is_not_expected(order):
    store = store_of([("AA", 20, HORIZON)])
    take_in(store, *order)
    assert bracket(store) == (day(11), day(30), None, None)


def test_what_no_list_lacks_is_expected_on_every_day():
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 30, 60)
    assert bracket(store) == (EARLIEST, EARLIEST, None, None)


@pytest.mark.parametrize("order", [(10, 30, 40), (40, 30, 10)])
def test_after_its_last_sighting_nothing_proves_that_it_is_still_listed(order):
    """The vendor's list of delisted securities does not have it."""
    store = store_of([("AA", 0, 20)])
    store.world.delisted_on = lambda _: None
    take_in(store, *order)
    valid_from, expected_from, expected_to, _ = bracket(store)
    assert (valid_from, expected_from, expected_to) == (EARLIEST, EARLIEST, day(11))


def test_a_delisting_that_the_vendor_states_ends_the_expectation_on_its_day():
    store = store_of([("AA", 0, 20)])
    take_in(store, 10, 30)
    assert bracket(store) == (EARLIEST, EARLIEST, day(20), day(20))


@pytest.mark.parametrize(("lists", "ends_on"), [([17], None), ([12, 17], None), ([18], 11), ([12, 17, 18], 11)])
def test_for_a_week_a_list_that_lacks_it_may_have_a_hole(lists, ends_on):
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10)
    for number in lists:
        store.take_in(day(number), [])
    assert bracket(store)[2] == (None if ends_on is None else day(ends_on))
    take_in(store, 40)
    assert bracket(store) == (EARLIEST, EARLIEST, None, None)


# Several securities


@pytest.mark.parametrize("order", [(10, 50), (50, 10)])
def test_a_ticker_that_changed_hands_is_parted_on_the_day_the_second_began(order):
    store = store_of([("META", 0, 20), ("METV", 20, HORIZON)], [("FB", 0, 33), ("META", 33, HORIZON)])
    take_in(store, *order)
    assert [run[:3] for run in intervals(store, "FIGI0")] == [("META", EARLIEST, day(20)), ("METV", day(20), None)]
    assert [run[:3] for run in intervals(store, "FIGI1")] == [("FB", EARLIEST, day(33)), ("META", day(33), None)]


def test_a_ticker_taken_over_from_a_security_that_vanished_unconfirmed_is_parted():
    store = store_of([("AA", 0, HORIZON)], [("AA", 40, HORIZON)])
    store.take_in(day(10), [Listed("AA", "FIGI0")])
    store.take_in(day(50), [Listed("AA", "FIGI1")])
    assert intervals(store, "FIGI0") == [("AA", EARLIEST, day(40), "unknown")]
    assert intervals(store, "FIGI1") == [("AA", day(40), None, "vendor")]
    assert store.questions == [Boundary("AA", "FIGI1", True, day(10), day(50))]


def test_a_swap_of_tickers_on_one_day_is_kept_apart():
    store = store_of([("AA", 0, 30), ("BB", 30, HORIZON)], [("BB", 0, 30), ("AA", 30, HORIZON)])
    take_in(store, 50, 10)
    assert [run[:3] for run in intervals(store, "FIGI0")] == [("AA", EARLIEST, day(30)), ("BB", day(30), None)]
    assert [run[:3] for run in intervals(store, "FIGI1")] == [("BB", EARLIEST, day(30)), ("AA", day(30), None)]


def test_a_list_that_shows_the_ticker_with_another_parts_what_was_one_interval():
    store = store_of([("AA", 0, 20), ("CC", 20, 40), ("AA", 40, HORIZON)], [("AA", 20, 40)])
    take_in(store, 10, 50)
    assert intervals(store) == [("AA", EARLIEST, None, "unknown")]
    store.take_in(day(30), [Listed("AA", "FIGI1")])
    assert [run[:3] for run in intervals(store)] == [("AA", EARLIEST, day(20)), ("AA", day(40), None)]
    assert [run[:3] for run in intervals(store, "FIGI1")] == [("AA", day(20), day(40))]


# FIGIs


def test_a_row_without_figi_belongs_to_the_holder_of_its_ticker():
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10)
    store.take_in(day(20), [Listed("AA", None)])
    (security,) = store.securities.values()
    assert (security.identity, security.intervals[0].seen_to) == ("FIGI0", day(20))


def test_a_row_without_figi_of_an_older_date_belongs_to_the_holder_of_that_date():
    store = store_of([("AA", 0, 30)], [("AA", 30, HORIZON)])
    take_in(store, 10, 50)
    store.take_in(day(20), [Listed("AA", None)])
    assert store.of("FIGI0").intervals[0].seen_to == day(20)


def test_a_figi_that_appears_later_names_the_security_that_was_there():
    store = store_of([("AA", 0, HORIZON)])
    store.take_in(day(10), [Listed("AA", None)])
    take_in(store, 20)
    (security,) = store.securities.values()
    assert (security.identity, security.security_id) == ("FIGI0", 0)
    assert security.intervals[0].seen_from == day(10)


def test_a_new_figi_on_a_ticker_whose_holder_is_listed_elsewhere_is_a_new_security():
    store = store_of([("AA", 0, 20), ("BB", 20, HORIZON)])
    take_in(store, 10)
    store.world.spans["ticker:AA"] = [Span("AA", 25, HORIZON)]
    store.take_in(day(30), [Listed("BB", "FIGI0"), Listed("AA", None)])
    assert [security.identity for security in store.securities.values()] == ["FIGI0", "ticker:AA"]
    check_structure(store.securities.values())


def test_of_two_tickers_with_one_figi_the_one_held_before_keeps_it():
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10)
    store.take_in(day(20), [Listed("AAw", "FIGI0"), Listed("AA", "FIGI0")])
    assert {security.identity: security.intervals[-1].ticker for security in store.securities.values()} == {
        "FIGI0": "AA",
        "ticker:AAw": "AAw",
    }


@pytest.mark.parametrize("figis", [("FIGI9", "FIGI0"), ("FIGI0", "FIGI9"), (None, "FIGI0")])
def test_of_two_rows_for_one_ticker_that_of_its_holder_counts(figis):
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10)
    store.take_in(day(20), [Listed("AA", figi) for figi in figis])
    assert store.holders("AA", day(20)) == ["FIGI0"]
    assert len(store.securities) == 1


# Readings of one date, facts, broken lists


def test_the_first_reading_of_a_date_stands_and_new_rows_are_added():
    store = store_of([("AA", 0, HORIZON)])
    take_in(store, 10)
    store.take_in(day(10), [Listed("BB", "FIGI0"), Listed("AA", "FIGI1"), Listed("CC", "FIGI2")])
    assert store.ticker("FIGI0", day(10)) == "AA"
    assert store.of("FIGI1") is None
    assert store.ticker("FIGI2", day(10)) == "CC"


def test_facts_are_those_of_the_newest_list():
    store = store_of([("AA", 0, HORIZON)])
    store.take_in(day(30), [Listed("AA", "FIGI0", name="New Name")])
    store.take_in(day(10), [Listed("AA", "FIGI0", name="Old Name")])
    assert store.of("FIGI0").facts.name == "New Name"
    store.take_in(day(40), [Listed("AA", "FIGI0", name="Newer Name")])
    assert store.of("FIGI0").facts.name == "Newer Name"


def market(count: int) -> list[Listed]:
    return [Listed(f"T{number}", f"FIGI{number}") for number in range(count)]


def taken_in(count: int, on: date) -> list[Security]:
    return observe_list([], market(count), on, lambda boundary: boundary.until).changed


@pytest.mark.parametrize(("listed", "is_refused"), [(90, False), (89, True), (0, True), (66, True)])
def test_a_list_that_lacks_more_than_a_tenth_from_one_day_to_the_next_is_refused(listed, is_refused):
    known = taken_in(100, day(1))
    if not is_refused:
        assert len(observe_list(known, market(listed), day(2), pytest.fail).vanished) == 100 - listed
        return
    with pytest.raises(SuspiciousListError, match=rf"{day(2)} lacks {100 - listed} of 100 .* at most 10%"):
        observe_list(known, market(listed), day(2), pytest.fail)


def test_the_longer_ago_the_list_before_the_more_may_have_left():
    known = taken_in(100, day(1))
    assert len(observe_list(known, market(55), day(1) + timedelta(days=5 * 365), pytest.fail).vanished) == 45
    with pytest.raises(SuspiciousListError):
        observe_list(known, market(50), day(1) + timedelta(days=5 * 365), pytest.fail)


def test_a_list_between_two_others_may_not_lack_what_both_have():
    known = taken_in(100, day(1))
    known = observe_list(known, market(100), day(21), pytest.fail, lists=[day(1)]).changed
    with pytest.raises(SuspiciousListError):
        observe_list(known, market(66), day(11), pytest.fail, lists=[day(1), day(21)])


def test_a_list_before_all_others_may_lack_what_came_later():
    known = taken_in(100, day(30))
    assert observe_list(known, market(40), day(1), pytest.fail, lists=[day(30)]).vanished == []


def test_five_of_a_handful_may_vanish():
    assert len(observe_list(taken_in(6, day(1)), market(1), day(2), pytest.fail).vanished) == 5
    with pytest.raises(SuspiciousListError):
        observe_list(taken_in(7, day(1)), market(1), day(2), pytest.fail)


def test_a_refused_list_has_asked_the_vendor_nothing():
    known = taken_in(100, day(1))
    renamed = [Listed(f"U{number}", f"FIGI{number}") for number in range(50)]
    with pytest.raises(SuspiciousListError):
        observe_list(known, renamed, day(2), pytest.fail)
