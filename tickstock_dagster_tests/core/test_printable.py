"""What may be stored and shown, and how what may not is shown."""

import pytest

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.printable import counted, is_plain, plain_reason, printable
from tickstock_dagster.core.universes.rules import Rule

ODD = ["a\x00b", "a\nb", "\x1b[2J", "a\x7fb", "a\u202eb", "a\u2066b", "a\u200fb", "a\udcffb", "a\u2028b"]


@pytest.mark.parametrize("text", ODD)
def test_what_a_terminal_obeys_is_shown_escaped_and_refused_as_a_reason(text: str) -> None:
    assert not is_plain(text)
    assert printable(text).isprintable()
    with pytest.raises(BadInputError) as refused:
        plain_reason(text)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "text", ["sturm über Köln", "取引所 休場", "narrow\u202fblank", "no\u00a0break", "…–“x”", "📉"]
)
def test_letters_of_any_script_and_blanks_of_any_width_are_plain(text: str) -> None:
    assert is_plain(text)
    assert printable(text) == text
    assert plain_reason(f" {text} ") == text


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_no_reason_is_no_reason(text: str) -> None:
    with pytest.raises(BadInputError, match="a reason for the change, in words"):
        plain_reason(text)


@pytest.mark.parametrize("text", [text for text in ODD if "\udcff" not in text])
def test_a_rule_with_such_a_text_is_refused_by_its_part(text: str) -> None:
    with pytest.raises(BadInputError, match="title"):
        Rule(title=text, pinned=("AAPL",))
    with pytest.raises(BadInputError, match="pinned"):
        Rule(title="fine", pinned=("AAPL", text))


def test_one_thing_is_no_plural() -> None:
    assert [counted(n, "version") for n in (0, 1, 2_000)] == ["0 versions", "1 version", "2,000 versions"]
    assert [counted(n, "entry is", "entries are") for n in (1, 2)] == ["1 entry is", "2 entries are"]
