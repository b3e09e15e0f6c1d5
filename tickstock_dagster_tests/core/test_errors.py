import pytest

from tickstock_dagster.core.errors import (
    BadInputError,
    ConfigurationError,
    ServiceUnavailableError,
    TickstockError,
    choices,
)


def test_bad_input_names_the_field_the_value_and_what_is_accepted():
    error = BadInputError("symbol", "APPL", "a ticker such as AAPL")
    assert str(error) == "symbol 'APPL' is not accepted: a ticker such as AAPL"
    assert (error.field, error.value, error.accepted) == ("symbol", "APPL", "a ticker such as AAPL")


@pytest.mark.parametrize(("value", "shown"), [(7, "'7'"), (None, "'None'"), ("", "''"), ("a\nb", r"'a\nb'")])
def test_a_message_stays_one_line_whatever_the_value(value, shown):
    message = str(BadInputError("field", value, "something else"))
    assert message == f"field {shown} is not accepted: something else"
    assert "\n" not in message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TickstockError("x"), 1),
        (ServiceUnavailableError("x"), 1),
        (ConfigurationError("x"), 2),
        (BadInputError("a", "b", "c"), 2),
    ],
)
def test_the_callers_mistakes_exit_with_2_and_all_else_with_1(error, code):
    assert error.exit_code == code
    assert isinstance(error, TickstockError)


@pytest.mark.parametrize(
    ("value", "accepted", "words"),
    [
        ("patern", ["patterns", "dev"], "did you mean patterns? accepted: dev, patterns"),
        ("zzz", ["b", "a"], "accepted: a, b"),
        ("c", "abc", "did you mean c? accepted: a, b, c"),
    ],
)
def test_choices_name_the_nearest_first_and_then_all_in_order(value, accepted, words):
    assert choices(value, accepted) == words


def test_of_many_choices_some_are_listed_and_all_are_counted_but_the_nearest_is_always_named():
    names = [f"T{number:03}" for number in range(500)]
    assert choices("T49O", names, limit=3) == "did you mean T499? accepted: T000, T001, T002, … (500 in all)"


def test_choices_take_names_that_can_be_read_only_once():
    assert choices("a", iter(["b", "a"])) == "did you mean a? accepted: a, b"


def test_a_long_value_is_shortened_in_the_message_and_kept_whole_beside_it():
    error = BadInputError("ticker", "A" * 5_000, "a ticker")
    assert str(error) == f"ticker '{'A' * 500}… (4,500 more characters)' is not accepted: a ticker"
    assert len(str(error.value)) == 5_000
