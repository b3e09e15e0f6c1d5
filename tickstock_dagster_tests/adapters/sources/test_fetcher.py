"""Many questions side by side: one refused question ends alone, and a key that may not ask ends them all."""

from datetime import UTC, datetime

import pytest

from tickstock_dagster.adapters.sources.fetcher import REFUSED_FIRST, REFUSED_IN_A_ROW, Answer, fetch_batches
from tickstock_dagster.adapters.sources.protocol import AuthFailedError, NotEntitledError, NotFoundError, VendorError

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def ask(outcomes: list[VendorError | str], workers: int = 1) -> tuple[list[Answer[int, str]], VendorError | None, int]:
    """The answers to one question for each outcome, the error that ended them, and how many were asked."""
    asked: list[int] = []
    answers: list[Answer[int, str]] = []

    def vendor(question: int) -> str:
        asked.append(question)
        outcome = outcomes[question]
        if isinstance(outcome, VendorError):
            raise outcome
        return outcome

    try:
        for batch in fetch_batches(range(len(outcomes)), vendor, lambda: NOW, workers, weight=lambda _: 1, enough=1):
            answers += batch
    except VendorError as error:
        return answers, error, len(asked)
    return answers, None, len(asked)


def refusals(count: int) -> list[VendorError | str]:
    return [NotEntitledError(f"403 of {number}") for number in range(count)]


@pytest.mark.parametrize("place", [0, 1, 5, 9])
@pytest.mark.parametrize("workers", [1, 4])
def test_one_refused_question_among_answered_ones_ends_alone(place: int, workers: int) -> None:
    outcomes: list[VendorError | str] = ["rows"] * 10
    outcomes[place] = NotEntitledError("403")
    answers, error, asked = ask(outcomes, workers)
    assert (error, asked, len(answers)) == (None, 10, 10)
    assert [(answer.question, answer.alone, answer.refused) for answer in answers if answer.error] == [
        (place, True, False)
    ]


@pytest.mark.parametrize("count", [1, 2, 30])
def test_where_nothing_is_answered_the_key_may_not_ask(count: int) -> None:
    answers, error, asked = ask(refusals(count))
    assert isinstance(error, NotEntitledError)
    assert all(answer.refused for answer in answers)
    assert len(answers) == asked <= REFUSED_FIRST + 1


def test_that_there_is_no_such_ticker_is_no_sign_that_the_key_may_ask() -> None:
    _, error, _ = ask([NotFoundError("404"), *refusals(1)])
    assert isinstance(error, NotEntitledError)


def test_refusals_without_an_end_are_of_the_key_whatever_came_before() -> None:
    answers, error, asked = ask(["rows", *refusals(100)])
    assert isinstance(error, NotEntitledError)
    assert sum(answer.alone for answer in answers) == REFUSED_IN_A_ROW - 1
    assert asked <= REFUSED_IN_A_ROW + 3


def test_a_key_that_the_vendor_does_not_know_ends_everything_at_once() -> None:
    answers, error, asked = ask(["rows", AuthFailedError("401"), *["rows"] * 50])
    assert isinstance(error, AuthFailedError)
    assert (answers[-1].refused, asked < 6) == (True, True)
