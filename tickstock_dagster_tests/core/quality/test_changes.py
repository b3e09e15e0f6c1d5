"""Which change a verdict is put down to, and in which words."""

from datetime import UTC, date, datetime

from tickstock_dagster.core.quality.changes import Change, nearest_change

TUE, WED, THU, FRI, MON = date(2024, 2, 27), date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 4)
AT, LATER = datetime(2024, 3, 5, 22, 10, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC)


def said(*changes: Change) -> str:
    return str(nearest_change(changes, FRI, THU, MON))


def test_the_change_nearest_to_the_session_accounts_for_it() -> None:
    split = Change("known", FRI, AT, "split 1:4")
    own, before, after = Change("corrected", FRI, AT), Change("put back", THU, AT), Change("set aside", MON, AT)
    older = Change("known", TUE, AT, "dividend 0.25 USD")
    assert said(older, after, before, own, split) == "split 1:4 of 2024-03-01, known since 2024-03-05 22:10 UTC"
    assert said(older, after, before, own) == "the bar of 2024-03-01 was corrected on 2024-03-05 22:10 UTC"
    assert said(older, after, before) == "the bar of 2024-02-29 was put back on 2024-03-05 22:10 UTC"
    assert said(older, after) == "the bar of 2024-03-04 was set aside on 2024-03-05 22:10 UTC"
    assert said(older) == "dividend 0.25 USD of 2024-02-27, known since 2024-03-05 22:10 UTC"
    assert nearest_change([], FRI, THU, MON) is None


def test_an_action_takes_effect_with_the_first_bar_from_its_ex_date_on() -> None:
    ended = Change("ended", WED, AT, "split 1:4")
    own = Change("stored", FRI, LATER)
    assert str(nearest_change([own, ended], FRI, TUE, None)).startswith("split 1:4 of 2024-02-28 is no longer stated")
    assert str(nearest_change([own, ended], FRI, WED, None)) == "a bar of 2024-03-01 was stored on 2024-03-06 00:00 UTC"
    assert str(nearest_change([ended], FRI, None, None)).startswith("split 1:4")


def test_a_corrected_bar_is_one_change_though_it_was_stored_again_and_of_two_the_later_one_counts() -> None:
    both = [Change("stored", FRI, AT), Change("corrected", FRI, AT)]
    assert said(*both) == "the bar of 2024-03-01 was corrected on 2024-03-05 22:10 UTC"
    assert said(*both, Change("corrected", FRI, LATER)).endswith("2024-03-06 00:00 UTC")
