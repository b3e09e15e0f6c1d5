"""Tables that fit: no word, ticker, date or number is broken at 80 columns, and nothing is taken for markup."""

import re
from pathlib import Path

import pytest
from rich.text import Text

from tickstock_dagster.cli.tables import Column, fitting, print_table
from tickstock_dagster_tests.cli.office import Office

COLUMNS = [
    Column("ticker"), Column("name", text=True), Column("known since", leave_out=1), Column("market cap", right=True),
]  # fmt: skip
ROWS = [("BRK.B", "Berkshire Hathaway Inc. Class B", "2026-11-23 12:00", "1,234,567,890,123")] * 2


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\s│┃]+", text))


@pytest.mark.parametrize("width", [200, 80, 60, 50])
def test_cells_stay_whole_and_text_breaks_between_words(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(COLUMNS, ROWS, title="What is held")
    printed = capsys.readouterr().out
    shown = words(printed)
    assert {"BRK.B", "Berkshire", "Hathaway", "Inc.", "1,234,567,890,123"} <= shown
    assert max(map(len, printed.splitlines())) <= width
    assert ("12:00" in shown) != ("Left" in shown and "known since" in printed)


def test_what_matters_least_is_left_out_first_and_what_always_stays_stays() -> None:
    assert fitting(COLUMNS, ROWS, 80) == [0, 1, 2, 3]
    assert fitting(COLUMNS, ROWS, 60) == [0, 1, 3]
    assert fitting(COLUMNS, ROWS, 1) == [0, 1, 3]


def test_the_header_of_a_column_that_stays_whole_stays_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = [Column("name", text=True), Column("expense ratio", right=True), Column("AUM", right=True, leave_out=1)]
    print_table(columns, [("Vanguard Growth", "0.04%", "123,456,789")])
    printed = capsys.readouterr().out
    assert "expense ratio" in printed
    assert "Vanguard" in printed
    assert "Left out, to fit into 40 columns: AUM" in printed


def test_brackets_are_no_markup_and_control_characters_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column("note", text=True)], [("[/] [bold]x[/bold]",), ("\x1b[2J\x00",), (Text("plain", "red"),)])
    printed = capsys.readouterr().out
    assert "[/] [bold]x[/bold]" in printed
    assert r"\u001b[2J\u0000" in printed
    assert "\x1b[2J" not in printed


def test_a_long_address_may_be_broken_and_keeps_all_its_letters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    url = f"postgresql://tickstock:***@{'a' * 60}.example:5432/tickstock"
    print_table([Column("service"), Column("address", text=True)], [("database_url", url)])
    assert url in re.sub(r"[\s│┃]", "", capsys.readouterr().out)


def test_every_table_fits_into_eighty_columns(office: Office, tmp_path: Path) -> None:
    office.monkeypatch.setenv("COLUMNS", "80")
    office.monkeypatch.chdir(tmp_path)
    reason = "A storm [/] of the century is expected over the whole east coast of the country"
    assert office.tickstock("calendar", "override", "NYSE", "2026-12-24", "--closed", "--reason", reason).code == 0
    for command in (
        ("universe", "list"), ("universe", "show", "etf_growth"), ("universe", "show", "dev_top_10"),
        ("calendar", "show", "NYSE"), ("calendar", "show", "TSE"), ("services", "status"), ("status",),
        ("status", "--by", "type"),
    ):  # fmt: skip
        answer = office.tickstock(*command)
        assert answer.code == 0, answer.err
        lines = [line for line in answer.out.splitlines() if any(mark in line for mark in "│┃┏┡└")]
        assert max([0, *map(len, lines)]) <= 80, command
        assert "…" not in answer.out, command
    listed = office.tickstock("universe", "list").out
    known = office.tickstock("universe", "list", "--json").json
    assert words(listed) >= {word for one in known for word in (one["key"], *one["name"].split())}
    assert {"century", "storm", "[/]", "country"} <= words(office.tickstock("calendar", "show", "NYSE").out)


def test_a_group_alone_prints_its_help_and_is_no_mistake(office: Office) -> None:
    for group in ((), ("universe",), ("calendar",), ("events",), ("events", "dead"), ("services",)):
        answer = office.tickstock(*group)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.startswith(f"Usage: {' '.join(('tickstock', *group))}")
        assert "Commands:" in answer.out


def test_a_dash_is_standard_output_or_input(office: Office, tmp_path: Path) -> None:
    office.monkeypatch.chdir(tmp_path)
    assert office.tickstock("universe", "set", "mine", "--symbols", "AAPL,BRK-B").code == 0
    written = office.tickstock("universe", "export", "mine", "-")
    assert (written.code, written.out, written.err) == (0, "ticker\nAAPL\nBRK.B\n", "")
    assert list(tmp_path.iterdir()) == []
    assert office.tickstock("universe", "export", "mine", "out.csv").code == 0
    assert Path("out.csv").read_text() == written.out
    with Path("out.csv").open() as stdin:
        office.monkeypatch.setattr("sys.stdin", stdin)
        taken = office.tickstock("universe", "import", "yours", "-")
    assert (taken.code, taken.out) == (0, "yours: 2 lines, 2 memberships begun, 0 ended; 2 members now\n")
