"""What a list of delisted securities teaches about days that no list of ours has seen."""

from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.securities.delisted import learn_delisted
from tickstock_dagster.core.securities.listing_records import EARLIEST, Interval, Listed, Security

TODAY = date(2026, 11, 20)


def holder(ticker: str, figi: str, since: date = EARLIEST, seen: date = TODAY, to: date | None = None) -> Security:
    return Security(figi, (Interval(ticker, since, to, "unknown", seen, seen),), security_id=1)


def row(ticker: str, figi: str, ended: date) -> tuple[Listed, date]:
    return Listed(ticker, composite_figi=figi), ended


def test_an_unknown_security_held_its_ticker_until_the_day_it_was_delisted() -> None:
    [learned], contradicted = learn_delisted([], [row("GONE", "F1", date(2005, 3, 1))])
    assert learned.identity == "F1"
    assert learned.delisted_on == date(2005, 3, 1)
    [interval] = learned.intervals
    assert (interval.valid_from, interval.valid_to, interval.start_known) == (EARLIEST, date(2005, 3, 1), "unknown")
    assert (interval.seen_from, interval.seen_to) == (date(2005, 2, 28), date(2005, 2, 28))
    assert contradicted == []


def test_todays_holder_of_a_reused_ticker_did_not_hold_it_before() -> None:
    changed, _ = learn_delisted([holder("REUSE", "NEW")], [row("REUSE", "OLD", date(2005, 3, 1))])
    by_identity = {security.identity: security.intervals[0] for security in changed}
    assert by_identity["NEW"].valid_from == date(2005, 3, 1)
    assert by_identity["NEW"].start_known == "absent_before"
    assert by_identity["OLD"].valid_to == date(2005, 3, 1)


def test_several_former_holders_follow_one_another() -> None:
    rows = [row("AAA", "SECOND", date(2010, 1, 4)), row("AAA", "FIRST", date(2001, 1, 2))]
    changed, _ = learn_delisted([], rows)
    spans = {security.identity: (i.valid_from, i.valid_to) for security in changed for i in security.intervals}
    assert spans == {"FIRST": (EARLIEST, date(2001, 1, 2)), "SECOND": (date(2001, 1, 2), date(2010, 1, 4))}


def test_a_known_security_is_left_alone_and_the_same_list_again_adds_nothing() -> None:
    rows = [row("GONE", "F1", date(2005, 3, 1))]
    changed, _ = learn_delisted([], rows)
    assert learn_delisted(changed, rows) == ([], [])


def test_a_row_against_a_sighting_of_another_security_is_named_and_left_out() -> None:
    known = Security("F2", (Interval("AAA", EARLIEST, None, "unknown", date(2004, 1, 2), TODAY),), security_id=1)
    assert learn_delisted([known], [row("AAA", "F1", date(2005, 3, 1))]) == ([], ["AAA"])


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.integers(0, 9), st.dates(date(1996, 1, 2), date(2025, 1, 2))),
        unique_by=lambda drawn: drawn[1],
    )
)
def test_no_ticker_ever_has_two_holders_on_a_day(drawn: list[tuple[str, int, date]]) -> None:
    known = [holder("A", "TODAY")]
    rows = [row(ticker, f"F{number}", ended) for ticker, number, ended in drawn]
    changed, contradicted = learn_delisted(known, rows)
    after = {security.identity: security for security in known} | {security.identity: security for security in changed}
    runs = sorted((i.ticker, i.valid_from, i.valid_to or date.max) for s in after.values() for i in s.intervals)
    for (ticker, _, ends), (other, begins, _) in pairwise(runs):
        assert ticker != other or ends <= begins
    assert len(after) == 1 + len(rows) - len(contradicted)
