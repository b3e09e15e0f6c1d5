"""Which rows of a file belong to which security: sightings widen, boundaries of lists stay, nobody is ended."""

from dataclasses import replace
from datetime import date

from tickstock_dagster.core.securities.file_listings import FileListings, FileSpan, HeldInterval, place_spans

FIRST, LAST = date(2024, 11, 18), date(2024, 11, 20)
SPAN = FileSpan("AAA", FIRST, LAST)
HELD = HeldInterval(7, "AAA", date(1900, 1, 1), None, "unknown", date(2026, 10, 1), date(2026, 11, 20), on_lists=True)
OWN = HeldInterval(8, "AAA", FIRST, None, "first_bar", FIRST, LAST, on_lists=False)


def placed(*held: HeldInterval, span: FileSpan = SPAN, days: tuple[date, ...] = (FIRST, LAST)) -> FileListings:
    return place_spans([span], {"AAA": held}, lambda _: days)


def test_a_ticker_that_nobody_holds_begins_with_its_first_row() -> None:
    found = placed()
    assert found.begun == (replace(OWN, security_id=0),)
    assert not found.widened


def test_the_holders_sightings_widen_and_its_bounds_stay() -> None:
    found = placed(HELD)
    assert found.widened == ((HELD, replace(HELD, seen_from=FIRST)),)
    assert not found.begun
    assert placed(found.widened[0][1]).widened == ()


def test_rows_from_before_a_stated_start_are_another_securitys_until_then() -> None:
    later = replace(HELD, valid_from=date(2025, 1, 6), start_known="vendor", seen_from=date(2025, 1, 6))
    found = placed(later)
    assert found.begun == (replace(OWN, security_id=0, valid_to=date(2025, 1, 6)),)
    assert (found.widened, found.apart) == ((), ("AAA",))


def test_rows_of_a_ticker_that_passed_on_are_of_both_holders() -> None:
    former = replace(HELD, valid_to=date(2024, 11, 19), seen_from=date(2024, 1, 2), seen_to=date(2024, 6, 3))
    latter = replace(HELD, security_id=9, valid_from=date(2024, 11, 19), seen_from=date(2025, 1, 2))
    found = placed(former, latter)
    assert [becomes.seen_to for _, becomes in found.widened] == [date(2024, 11, 18), date(2026, 11, 20)]
    assert found.widened[1][1].seen_from == date(2024, 11, 19)
    assert not found.begun


def test_what_only_files_have_shown_grows_with_every_file() -> None:
    earlier = FileSpan("AAA", date(2020, 1, 2), date(2020, 1, 3))
    [(_, wider)] = placed(OWN, span=earlier).widened
    assert (wider.valid_from, wider.seen_from, wider.seen_to, wider.valid_to) == (date(2020, 1, 2),) * 2 + (LAST, None)


def test_a_declared_listing_keeps_its_bounds_and_other_rows_are_anothers() -> None:
    declared = replace(OWN, start_known="vendor", valid_from=LAST, seen_from=LAST, valid_to=date(2024, 11, 21))
    found = placed(declared, span=replace(SPAN, last=date(2024, 11, 22)), days=(FIRST, LAST, date(2024, 11, 22)))
    assert found.widened == ()
    assert [(new.valid_from, new.valid_to) for new in found.begun] == [(FIRST, LAST), (date(2024, 11, 22), None)]


def test_a_declared_end_ends_and_later_rows_open_it_again() -> None:
    ended = replace(SPAN, ends_on=date(2024, 11, 21))
    [(_, over)] = placed(OWN, span=ended).widened
    assert over.valid_to == date(2024, 11, 21)
    assert placed(over).widened == ()
    [(_, again)] = placed(over, span=FileSpan("AAA", LAST, date(2025, 1, 6))).widened
    assert (again.valid_to, again.seen_to) == (None, date(2025, 1, 6))


def test_a_declared_end_ends_nobody_that_a_list_has_shown() -> None:
    found = placed(HELD, span=replace(SPAN, ends_on=date(2024, 11, 21)))
    assert [becomes.valid_to for _, becomes in found.widened] == [None]


def test_days_without_rows_between_two_holders_make_no_security() -> None:
    gap = replace(HELD, valid_to=FIRST, seen_from=date(2024, 1, 2), seen_to=date(2024, 6, 3))
    later = replace(HELD, security_id=9, valid_from=date(2024, 12, 2), start_known="vendor", seen_from=date(2025, 1, 2))
    span = FileSpan("AAA", date(2024, 6, 3), date(2024, 12, 3))
    found = placed(gap, later, span=span, days=(date(2024, 6, 3), date(2024, 12, 3)))
    assert not found.begun
    assert found.apart == ()
