"""`tickstock universe`: what people see of universes, what they change, and what is refused without a trace."""

import json
from pathlib import Path

import pytest

from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.membership_store import current_spans
from tickstock_dagster.adapters.universes.store import universe_tickers
from tickstock_dagster_tests.cli.office import Office

WEEK = ("--from", "2026-11-02", "--to", "2026-11-06")
LOG = "SELECT change, count(*) FROM sync_changes_log WHERE task <> 'seed' AND change <> 'rule' GROUP BY 1 ORDER BY 1"


def test_the_releases_universes_are_loaded_by_any_of_their_names(office: Office) -> None:
    answer = office.tickstock("load", "--universe", "growth", *WEEK, "--json")
    assert answer.code == 0, answer.err
    (facts,) = answer.json
    assert (facts["bars_expected"], facts["bars_missing"]) == (50, 0), "eight funds, SPY and IWM"
    office.calls()
    again = office.tickstock("load", "--universe", "etf_growth", *WEEK)
    assert again.code == 0, again.err
    assert office.calls() == 0
    assert "With what its funds are compared with: SPY, IWM\n" in again.out
    listed = {entry["key"]: entry for entry in office.tickstock("universe", "list", "--json").json}
    themes = [entry for entry in listed.values() if entry["type"] == "theme"]
    assert sum(entry["members"] for entry in themes) == 58
    assert len(themes) == 7
    assert "The themes have 58 memberships of 57 funds." in office.tickstock("universe", "list").out
    assert listed["etf_growth"]["aliases"] == ["growth"]
    assert {"top_10", "top_100", "top_500", "top_1000", "dev_top_10", "dev_sectors", "dev_etfs"} <= listed.keys()
    assert tracked_tickers(open_engine(office.database_url)) == (), "loading a universe once does not track it"


WRITTEN = ("universe_memberships", "universe_determinations", "sync_changes_log", "outbox", "ticker_intervals")
READERS = (
    ("universe", "list"),
    ("universe", "list", "--json"),
    ("universe", "show", "bonds"),
    ("universe", "show", "bonds", "--json"),
    ("universe", "show", "dev_etfs", "--json"),
    ("universe", "explain", "BND", "bonds"),
    ("universe", "explain", "BND", "bonds", "--json"),
    ("universe", "explain", "SPY", "dev_etfs", "--json"),
    ("universe", "explain", "AAPL", "bonds"),
    ("universe", "export", "bonds", "--history"),
    ("status", "--by", "theme", "--json"),
)


def test_migrating_makes_the_universes_once_and_commands_that_read_write_nothing(office: Office) -> None:
    made = office.tickstock("migrate", "--json").json["universes"]
    assert {"etf_bonds", "top_100", "dev_top_10", "recent_ipos"} <= set(made)
    assert office.tickstock("migrate", "--json").json["universes"] == []

    def rows() -> list[object]:
        return [office.rows(f"SELECT * FROM {table}") for table in (*WRITTEN, "cache_entries")]  # noqa: S608

    before = rows()
    assert before[0] == before[3] == []
    answer = office.tickstock("universe", "explain", "BND", "bonds")
    assert answer.out.startswith("BND was in etf_bonds on 2026-11-20: ")
    assert "always to now" in answer.out
    office.calls()
    assert len(office.tickstock("universe", "list", "--json").json) == len(made)
    assert office.calls() == 0
    assert rows() == before


def test_members_are_shown_with_their_facts_and_explained(office: Office) -> None:
    assert office.tickstock("load", "--universe", "bonds", *WEEK).code == 0
    for arguments in READERS:
        answer = office.tickstock(*arguments)
        assert (answer.code, "1900" in answer.out + answer.err) == (0, False), (arguments, answer)
    for table in ("outbox", "sync_changes_log", "get_etf_universe('bonds')", "get_cache_entries('bonds')"):
        assert not [row for row in office.rows(f"SELECT t::text FROM {table} AS t") if "1900-" in row]  # noqa: S608
    assert office.rows("SELECT count(*) FROM outbox WHERE channel = 'tickstock.universe.updated'") == [0]
    shown = office.tickstock("universe", "show", "bonds", "--on", "2026-11-06", "--json").json
    assert {member["ticker"] for member in shown["members"]} == {
        *universe_tickers(open_engine(office.database_url), "etf_bonds")
    }
    assert all(member["adv20_usd"] > 0 for member in shown["members"])
    assert "BND" in office.tickstock("universe", "show", "bonds").out
    told = office.tickstock("universe", "explain", "bnd", "bonds")
    assert told.out.startswith("BND was in etf_bonds on ")
    assert "seed of the theme" in told.out
    assert office.tickstock("universe", "explain", "AAPL", "bonds", "--json").json["member"] is False
    before_all = office.tickstock("universe", "show", "bonds", "--known-at", "2020-01-01T00:00:00+00:00", "--json")
    assert before_all.json["members"] == []


def test_a_list_is_made_edited_tracked_and_exported(office: Office) -> None:
    made = office.tickstock("universe", "set", "mine", "--symbols", "AAPL,brk-b", "--track")
    assert made.out == "mine: 2 joined, 0 left, 2 members\nmine: tracked from 2026-11-20 on\n"
    assert office.tickstock("universe", "set", "mine", "--add", "KO", "--remove", "AAPL").code == 0
    assert tracked_tickers(open_engine(office.database_url)) == ("BRK.B", "KO")
    assert office.tickstock("universe", "export", "mine").out == "ticker\nBRK.B\nKO\n"
    assert office.tickstock("universe", "set", "mine", "--no-track").out == "mine: not tracked\n"
    assert office.rows(LOG) == [("added", 3), ("removed", 1), ("settings", 2)]


def test_a_rule_is_previewed_before_it_is_applied(office: Office, tmp_path: Path) -> None:
    assert office.tickstock("load", "--universe", "dev_sectors", "--months", "1").code == 0
    rule = tmp_path / "rule.json"
    traded = {"field": "bars20", "op": ">=", "value": 20}
    rule.write_text(json.dumps({"title": "Traded", "candidates": [traded], "top": {"by": "adv20_usd", "count": 3}}))
    preview = office.tickstock("universe", "diff", "busy", "--rule", str(rule), "--json").json
    assert len(preview["joined"]) == 3
    assert "busy" not in office.rows("SELECT key FROM cache_entries"), "a preview writes nothing"
    applied = office.tickstock("universe", "set", "busy", "--rule", str(rule), "--yes")
    assert applied.code == 0, applied.err
    assert "busy: rule version 1" in applied.out
    members = universe_tickers(open_engine(office.database_url), "busy")
    assert set(members) == set(preview["joined"])
    again = office.tickstock("universe", "set", "busy", "--rule", str(rule), "--yes")
    assert "the same members" in again.out
    assert "the rule is in force" in again.out
    told = office.tickstock("universe", "explain", members[0], "busy", "--json").json
    assert (told["rank"], told["rule_version"]) == (1, 1)


def test_members_with_dates_are_imported_once_and_compared(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "past.csv"
    file.write_text("ticker,start_date,end_date\nAAPL,2020-01-02,\nKO,2020-01-02,2022-01-03\nMSFT,2022-01-03,\n")
    first = office.tickstock("universe", "import", "past", str(file), "--json")
    assert first.code == 0, first.err
    assert first.json | {"skipped": []} == {
        "universe": "past", "lines": 3, "begun": 3, "ended": 0, "members": 2, "skipped": []
    }  # fmt: skip
    again = office.tickstock("universe", "import", "past", str(file))
    assert "nothing changed" in again.out
    changes = office.tickstock("universe", "diff", "past", "--from", "2021-01-04", "--to", "2022-02-01", "--json").json
    assert (list(changes["joined"]), list(changes["left"])) == (["MSFT"], ["KO"])
    same = office.tickstock("universe", "diff", "past", "--from", "2019-01-02", "--to", "2019-01-03")
    assert same.out == "past: no members on 2019-01-02, and none on 2019-01-03\n"
    exported = office.tickstock("universe", "export", "past", "--history").out
    assert sorted(exported.splitlines()) == sorted(file.read_text().splitlines())


def test_the_bars_of_a_dated_universe_are_expected_while_its_members_are_members(
    office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "past.csv"
    file.write_text("ticker,start_date,end_date\nAAPL,2026-11-04,\nKO,2020-01-02,2026-11-04\n")
    assert office.tickstock("universe", "import", "past", str(file)).code == 0
    answer = office.tickstock("load", "--universe", "past", *WEEK)
    assert "5 of 5 bars stored" in answer.out, answer.err
    stored = office.rows("SELECT session::text, ticker FROM ohlcv_daily WHERE ticker IN ('AAPL', 'KO') ORDER BY 1, 2")
    days = ("2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06")
    assert stored == [(day, "KO" if day < "2026-11-04" else "AAPL") for day in days]
    before = office.tickstock("load", "--universe", "past", "--from", "2019-12-30", "--to", "2019-12-31")
    assert before.code == 2
    assert "one with members on 2019-12-30 to 2019-12-31" in before.error


def test_unknown_tickers_of_an_import_are_named_with_their_lines_and_left_out_on_request(
    office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("ticker\nAAPL\nNOSUCH\nKO\nNOONE\n")
    refused = office.tickstock("universe", "import", "few", str(file))
    assert refused.code == 2
    assert "NOSUCH (line 3), NOONE (line 5)" in refused.error
    assert "few" not in office.rows("SELECT key FROM cache_entries")
    taken = office.tickstock("universe", "import", "few", str(file), "--skip-unknown")
    assert "left out, since no list of the vendor has them: NOSUCH, NOONE" in taken.out
    assert universe_tickers(open_engine(office.database_url), "few") == ("AAPL", "KO")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "etf_grow"), "did you mean etf_growth"),
        (("show", "growth", "--on", "tomorrow"), "a date as YYYY-MM-DD"),
        (("show", "growth", "--known-at", "2026-11-20"), "a moment with its offset"),
        (("explain", "NOSUCH", "growth"), "ticker 'NOSUCH' is not accepted"),
        (("set", "growth", "--add", "AAPL"), "chooses its members by rule"),
        (("set", "dev_etfs", "--remove", "AAPL"), "members of dev_etfs"),
        (
            ("set", "dev_top_10", "--add", "AMD", "--remove", "INTC"),
            "remove 'INTC' is not accepted: members of dev_top_10, which are AAPL, MSFT,",
        ),
        (("set", "growth", "--symbols", "AAPL"), "it is another name of etf_growth"),
        (("explain", "BP.", "us_listed"), "it exists once it is tracked (`tickstock universe track us_listed`)"),
        (("set", "dev_etfs"), "--symbols, or --add and --remove"),
        (("set", "Mine!", "--symbols", "AAPL"), "a name of lower-case letters"),
        (("diff", "growth"), "one of --from and --rule"),
        (("diff", "growth", "--from", "2026-11-06", "--to", "2026-11-02"), "a date up to --to"),
    ],
)
def test_bad_input_is_one_clear_line(office: Office, arguments: tuple[str, ...], words: str) -> None:
    answer = office.tickstock("universe", *arguments)
    assert answer.code == 2
    assert words in answer.error
    assert office.rows("SELECT count(*) FROM sync_changes_log WHERE change <> 'rule'") == [0], "nothing half-written"


def test_the_example_of_the_readme_edits_a_list_and_a_member_that_is_added_is_said(office: Office) -> None:
    answer = office.tickstock("universe", "set", "dev_top_10", "--add", "INTC,NVDA", "--remove", "XOM")
    assert answer.out == "dev_top_10: 1 joined, 1 left, 10 members\n  members before: NVDA\n"
    office.tickstock("migrate")
    assert "INTC" in universe_tickers(open_engine(office.database_url), "dev_top_10"), "edited, and left so"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"title": "T", "candidates": [{"field": "size", "op": ">", "value": 1}]}, "field 'size' is not accepted"),
        ({"title": "T", "candidates": [{"field": "aum_usd", "op": "~", "value": 1}]}, "operator of aum_usd"),
        ({"title": "T", "candidates": [{"field": "expense_ratio", "op": "<", "value": 0.75}]}, "as a fraction"),
        ({"title": "T", "candidates": [{"field": "etf_type", "op": "==", "value": "nothing"}]}, "would be empty"),
    ],
)
def test_a_rule_that_cannot_be_changes_nothing(
    office: Office, tmp_path: Path, rule: dict[str, object], words: str
) -> None:
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(rule))
    answer = office.tickstock("universe", "set", "growth", "--rule", str(file), "--yes")
    assert answer.code == 2
    assert words in answer.error
    assert office.rows("SELECT count(*) FROM universe_rules WHERE version > 1") == [0]
    engine = open_engine(office.database_url)
    assert len(current_spans(engine, "etf_growth")) in (0, 8)
