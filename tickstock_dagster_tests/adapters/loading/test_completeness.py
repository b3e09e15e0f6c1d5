"""Completeness by universe, theme and type on a real store."""

from datetime import date, timedelta

import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.completeness import completeness_by_group
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.loading.completeness import GroupCompleteness
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, WED, add_security, bar, batch, query

LATER = NOW + timedelta(hours=1)


def groups_on(url: str, *days: date) -> dict[tuple[date, str, str], GroupCompleteness]:
    engine = open_engine(url)
    expected = Expectation.of_universes(engine, None, min(days), max(days)).cells(sorted(days))
    return {
        (group.state.session, group.kind.value, group.name): group
        for group in completeness_by_group(engine, sorted(days), expected)
    }


def counts(group: GroupCompleteness) -> tuple[int, int, int, int, int]:
    return (group.members, group.state.expected, group.state.stored, group.state.final, group.state.missing)


@pytest.fixture
def url(migrated_database_url: str) -> str:
    """Five securities: AAA and BBB stored on Friday, CCC explained, DDD open, EEE not tracked."""
    url, engine = migrated_database_url, open_engine(migrated_database_url)
    ids = {ticker: add_security(url, ticker) for ticker in ("AAA", "BBB", "CCC", "DDD", "EEE")}
    for ticker, kind in {"AAA": "CS", "BBB": "ETF", "CCC": "ETF", "DDD": "CS"}.items():
        query(url, "UPDATE securities SET equity_type = %s WHERE security_id = %s", (kind, ids[ticker]))
    gaps = [
        {"security_id": ids["CCC"], "session": FRI, "ticker": "CCC", "reason": "no_trade", "evidence": "x"},
        {"security_id": ids["DDD"], "session": FRI, "ticker": "DDD", "reason": "vendor_late", "evidence": "x"}
        | {"retry_at": LATER},
    ]
    store_batch(engine, batch(bar(ids["AAA"]), bar(ids["BBB"], ticker="BBB"), gaps=gaps))
    write_universe(engine, "mine", "list", "Mine", ("AAA", "BBB", "CCC", "DDD", "NOBODY"), track_from=MON, now=NOW)
    write_universe(engine, "watched", "list", "Watched", ("DDD", "EEE"), track_from=None, now=NOW)
    write_universe(engine, "idle", "list", "Idle", ("EEE",), track_from=None, now=NOW)
    return url


def test_universes_and_types_count_their_own_members(url: str) -> None:
    groups = groups_on(url, FRI)
    assert {name: counts(groups[FRI, "universe", name]) for name in ("mine", "watched", "idle")} == {
        "mine": (4, 4, 2, 1, 1),
        "watched": (2, 2, 0, 0, 2),
        "idle": (1, 1, 0, 0, 1),
    }
    assert {name: groups[FRI, "universe", name].tracked for name in ("mine", "watched", "idle")} == {
        "mine": True,
        "watched": False,
        "idle": False,
    }
    types = {name: group for (_, kind, name), group in groups.items() if kind == "type"}
    assert {name: counts(group) for name, group in types.items()} == {
        "CS": (2, 2, 1, 0, 1),
        "ETF": (2, 2, 1, 1, 0),
        "unknown": (1, 0, 0, 0, 0),
    }
    assert types["CS"].frequency == "realtime"
    assert (types["ETF"].ratio, types["unknown"].ratio) == (1.0, None)


def test_a_theme_counts_whoever_was_in_it_on_the_session(url: str) -> None:
    query(
        url,
        "INSERT INTO cache_entries (key, type, name, value, track, membership, universe_category, created_at,"
        " updated_at) VALUES ('etf_growth', 'theme', 'Growth', '[]', false, 'dated', 'growth', now(), now())",
    )
    query(
        url,
        "INSERT INTO universe_memberships (universe, security_id, valid_from, valid_to, known_from)"
        " SELECT 'etf_growth', security_id, '2026-01-02', CASE WHEN ticker = 'CCC' THEN %s::date END, now()"
        " FROM ticker_intervals WHERE ticker IN ('BBB', 'CCC')",
        (FRI,),
    )
    groups = groups_on(url, WED, THU, FRI)
    assert counts(groups[THU, "theme", "growth"]) == counts(groups[WED, "theme", "growth"]) == (2, 2, 0, 0, 2)
    assert counts(groups[FRI, "theme", "growth"]) == counts(groups[FRI, "universe", "etf_growth"]) == (1, 1, 1, 0, 0)


def test_who_was_not_listed_yet_is_no_member(url: str) -> None:
    query(url, "UPDATE ticker_intervals SET valid_from = %s, seen_from = %s WHERE ticker = 'AAA'", (FRI, FRI))
    groups = groups_on(url, THU, FRI)
    assert (groups[THU, "universe", "mine"].members, groups[FRI, "universe", "mine"].members) == (3, 4)


def test_nothing_expected_has_no_groups(migrated_database_url: str) -> None:
    add_security(migrated_database_url, "AAA")
    assert groups_on(migrated_database_url, FRI) == {}
