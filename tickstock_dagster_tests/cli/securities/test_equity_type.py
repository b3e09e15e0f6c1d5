"""`tickstock equity-type`: rules are shown, changed with who and why, rolled back, and tried out beforehand."""

import json
from pathlib import Path

import pytest

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster_tests.cli.office import Office

AUM = "processing_rules.validation_rules.aum_minimum"


def test_rules_are_changed_shown_and_rolled_back(office: Office, tmp_path: Path) -> None:
    shown = office.tickstock("equity-type", "show", "ETF")
    assert "ETF, version 1, 2026-11-22 00:00 UTC by tickstock: as it stood when versions began" in shown.err
    path = tmp_path / "etf.json"
    path.write_text(shown.out, encoding="utf-8")
    assert "ETF: valid" in office.tickstock("equity-type", "validate", str(path)).out
    same = office.tickstock("equity-type", "set", "ETF", str(path), "--reason", "again")
    assert (same.code, same.out) == (0, "ETF: version 1, as before; nothing was changed\n")
    given = ("--rule", f"{AUM}=1e8", "--rule", "quality.price_move=0.3", "--reason", "small funds", "--by", "ann")
    assert office.tickstock("equity-type", "set", "ETF", *given).out == "ETF: version 2 is in force\n"
    listed = {one["equity_type"]: one for one in office.tickstock("equity-type", "list", "--json").json}
    assert (listed["ETF"]["version"], listed["ETF"]["quality"], listed["CS"]["version"]) == (2, {"price_move": 0.3}, 1)
    assert "aum_minimum 100,000,000" in office.tickstock("equity-type", "list").out
    back = office.tickstock("equity-type", "rollback", "ETF", "--reason", "too many left", "--by", "bob")
    assert back.out == "ETF: version 3 is in force, with the rules of version 1\n"
    assert json.loads(office.tickstock("equity-type", "show", "ETF").out) == json.loads(path.read_text())
    second = office.tickstock("equity-type", "show", "ETF", "--version", "2", "--json").json
    assert (second["by"], second["reason"], second["former_version"]) == ("ann", "small funds", 1)
    history = office.tickstock("equity-type", "history", "ETF", "--json").json
    assert [(one["version"], one["restores"], one["by"]) for one in history] == [
        (3, 1, "bob"), (2, None, "ann"), (1, None, "tickstock")
    ]  # fmt: skip
    text = office.tickstock("equity-type", "history", "ETF").out
    assert all(words in text for words in ("ETF: 3 versions", "version 1", "small funds", "bob"))
    channels = "SELECT channel FROM outbox WHERE channel LIKE 'tickstock.equity.%%' ORDER BY position"
    assert office.rows(channels) == [
        "tickstock.equity.type_changed", "tickstock.equity.type_rolled_back"
    ]  # fmt: skip


def test_trying_out_says_what_would_change_and_changes_nothing(office: Office, tmp_path: Path) -> None:
    week = ("--from", "2026-10-20", "--to", "2026-11-20")
    loaded = office.tickstock("load", "--symbols", "SPY,QQQ,AAPL,MSFT", *week)
    assert loaded.code == 0, loaded.err
    track = office.tickstock(
        "universe", "set", "mine", "--symbols", "SPY,QQQ,AAPL,MSFT", "--track", "--from", "2026-10-20"
    )
    assert track.code == 0, track.err
    etf = office.tickstock("equity-type", "show", "ETF", "--json").json["document"]
    path = tmp_path / "etf.json"
    path.write_text(json.dumps(etf), encoding="utf-8")
    same = office.tickstock("equity-type", "shadow", "ETF", str(path))
    assert same.code == 0, same.err
    assert same.out.endswith("the rules differ for 0 symbols\nAll would have been the same.\n")
    etf["processing_rules"]["validation_rules"] = {"dollar_volume_threshold": 1e15}
    etf |= {"priority": "low", "update_frequency": "eod"}
    habits = dict.fromkeys(("habit_large", "habit_middle", "habit_small", "habit_drought", "own_volatility"), 1.0)
    etf["quality"] = {"price_move": 0.01, "volume_spike": 1.0, "volume_drought": 1.0, **habits}
    path.write_text(json.dumps(etf), encoding="utf-8")
    before = fingerprint(open_engine(office.database_url))
    report = office.tickstock("equity-type", "shadow", "ETF", str(path), "--sessions", "10", "--json").json
    assert fingerprint(open_engine(office.database_url)) == before
    verdicts = {one["ticker"]: one for one in report["verdicts"]}
    assert {"SPY", "QQQ"} <= verdicts.keys()
    assert "AAPL" not in verdicts
    assert (verdicts["SPY"]["after"], verdicts["SPY"]["sessions"]) == ("fails", 10)
    assert "is below 1,000,000,000,000,000" in verdicts["SPY"]["reason"]
    assert [one["rule"] for one in report["alerts"]].count("volume") == 10
    assert all(one["after"] == len(one["more"]) + one["before"] for one in report["alerts"])
    assert any(one["more"] for one in report["alerts"]), "what was within the limits is beyond narrower ones"
    assert {(one["subject"], one["before"], one["after"]) for one in report["units"]} == {
        ("SPY", "critical", "low"), ("QQQ", "critical", "low")
    }  # fmt: skip
    words = office.tickstock("equity-type", "shadow", "ETF", str(path), "--sessions", "10").out
    assert "verdicts: " in words
    assert "retries: none would change" in words


@pytest.mark.parametrize("code", ["ETFS", "etf"])
def test_a_type_that_is_not_there_is_named(office: Office, code: str) -> None:
    answer = office.tickstock("equity-type", "history", code)
    assert answer.code == 2
    assert f"equity type '{code}' is not accepted" in answer.err
