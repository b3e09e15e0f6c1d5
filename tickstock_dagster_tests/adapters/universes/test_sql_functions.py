"""The SQL functions and the view for TickStockApp: what they answer, what they refuse, and whose they are."""
# ruff: noqa: S608 - every text that is put into a statement stands in this module

import hashlib
import itertools
import json
import math
import statistics
import uuid
from datetime import date
from typing import Any

import psycopg
import pytest

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.universes.membership_store import explain
from tickstock_dagster.adapters.universes.rules_store import write_rule
from tickstock_dagster.core.events.envelope import Event, UniverseUpdated
from tickstock_dagster.core.universes.catalogue import shipped_universes
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, WED, add_security, as_role, query
from tickstock_dagster_tests.adapters.universes.membership_helpers import dated, determine, tickers_of, versions

APP, WRITER = "tickstock_app", "tickstock_writer"
GROWTH = next(universe.rule for universe in shipped_universes() if universe.key == "etf_growth")
BARS = """
INSERT INTO ohlcv_daily (
    security_id, session, ticker, closes_at, open, high, low, close, volume, source, status, loaded_at)
SELECT {security}, day, '{ticker}', day, price, price, price, price, {volume}, 's', 'final', now()
FROM (SELECT day, 100 + 10 * sin(place) + place * 0.1 AS price
    FROM (SELECT d::date AS day, row_number() OVER (ORDER BY d) AS place
        FROM generate_series(timestamp '2026-11-20' - interval '{days} days', '2026-11-20', '1 day') AS d
        WHERE extract(isodow FROM d) < 6) AS days) AS priced
"""


def fund(database_url: str, ticker: str, *, days: int = 60, volume: int = 1_000_000, **facts: Any) -> int:
    """A fund with bars on every weekday of so many days."""
    known = {
        "aum_usd": 2_000_000_000, "expense_ratio": 0.001, "issuer": "Vanguard", "etf_type": "growth",
        "themes": ["growth"], **facts,
    }  # fmt: skip
    security_id = add_security(database_url, ticker)
    assigned = ", ".join(f"{column} = %({column})s" for column in known)
    query(database_url, f"UPDATE securities SET {assigned} WHERE security_id = {security_id}", known)
    query(database_url, BARS.format(security=security_id, ticker=ticker, days=days, volume=volume))
    return security_id


@pytest.fixture
def growth(migrated_database_url: str) -> str:
    """etf_growth of two funds, with its rule."""
    ids = [fund(migrated_database_url, "VUG"), fund(migrated_database_url, "IWF", issuer="BlackRock", aum_usd=10**11)]
    dated(migrated_database_url, "etf_growth", "growth")
    with transaction(open_engine(migrated_database_url)) as connection:
        write_rule(connection, "etf_growth", GROWTH, reason="test", run_id="r", now=NOW)
    determine(migrated_database_url, "etf_growth", MON, ids)
    return migrated_database_url


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["etf_growth", "growth"])
def test_the_application_reads_a_universe_by_its_name_or_its_alias(growth: str, name: str) -> None:
    [row] = as_role(growth, APP, f"SELECT * FROM get_cache_entries('{name}')")
    assert row[:6] == ("etf_growth", "theme", "Etf_Growth", ["VUG", "IWF"], False, None)
    assert row[6] == {"aum_min": 1_000_000_000, "adv_usd_min": 5_000_000, "expense_ratio_max": 0.0075}
    assert row[7:] == ({"title": GROWTH.title, "rule_version": 1}, NOW)


def test_members_come_with_their_facts_and_can_be_filtered(growth: str) -> None:
    rows = as_role(
        growth, APP, "SELECT symbol, issuer, aum_usd, expense_ratio, adv20_usd, since FROM get_etf_universe('growth')"
    )
    assert [row[0] for row in rows] == ["IWF", "VUG"]
    assert (rows[1][1], float(rows[1][2]), float(rows[1][3]), rows[1][5]) == ("Vanguard", 2e9, 0.001, MON)
    closes = query(growth, "SELECT close FROM ohlcv_daily WHERE ticker = 'VUG' ORDER BY session DESC LIMIT 20")
    assert float(rows[1][4]) == pytest.approx(statistics.fmean(float(close) * 1e6 for (close,) in closes))


@pytest.mark.parametrize(
    ("filters", "symbols"),
    [
        ({"aum_min": 1e10}, ["IWF"]),
        ({"aum_max": 1e10}, ["VUG"]),
        ({"issuer": "Vanguard"}, ["VUG"]),
        ({"expense_ratio_max": 0.0005}, []),
        ({"expense_ratio_min": 0.001, "adv_usd_min": 1, "adv_usd_max": 1e12, "etf_type": "growth"}, ["IWF", "VUG"]),
        ({"underlying_index": "any"}, []),
        ({"correlation_reference": "SPY"}, []),
        ({"primary_exchange": "ARCX"}, []),
        (GROWTH.liquidity_filter(), ["IWF", "VUG"]),
    ],
)
def test_a_filter_keeps_those_of_which_it_is_known_to_hold(
    growth: str, filters: dict[str, Any], symbols: list[str]
) -> None:
    rows = as_role(growth, APP, f"SELECT symbol FROM get_etf_universe('etf_growth', '{json.dumps(filters)}')")
    assert [row[0] for row in rows] == symbols


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("get_cache_entries('etf_grow')", "universe 'etf_grow' is not known", "Known are: etf_growth"),
        ("get_cache_entries(NULL)", "universe null is not known", "Known are: etf_growth"),
        ("validate_etf_universe_symbols('x')", "universe 'x' is not known", "Known are: etf_growth"),
        ("get_etf_universe('x')", "universe 'x' is not known", "Known are: etf_growth"),
        ("""get_etf_universe('growth', '{"aum": 1}')""", "filter 'aum' is not known", "Known are: aum_min, aum_max"),
        ("""get_etf_universe('growth', '{"aum_min": "1"}')""", 'filter aum_min cannot be "1"', "A number: US dollars"),
        ("""get_etf_universe('growth', '{"aum_min": -1}')""", "filter aum_min cannot be -1", "US dollars from 0"),
        ("""get_etf_universe('growth', '{"issuer": 1}')""", "filter issuer cannot be 1", "A text"),
        ("""get_etf_universe('growth', '{"expense_ratio_max": 0.75}')""", "filter expense", "0.0075 is 0.75 %"),
        ("get_etf_universe('growth', '[]')", r"filters \[\] are not accepted", "A JSON object"),
        ("get_etf_universe('growth', NULL)", "filters null are not accepted", "A JSON object"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_with_a_hint(growth: str, call: str, message: str, hint: str) -> None:
    with pytest.raises(psycopg.Error, match=message) as refused:
        as_role(growth, APP, f"SELECT * FROM {call}")
    assert hint in (refused.value.diag.message_hint or "")


def test_the_facts_of_a_list_are_not_silently_nothing(growth: str) -> None:
    query(
        growth,
        "INSERT INTO cache_entries (key, type, name, value, created_at, updated_at) "
        """VALUES ('plain', 'list', 'Plain', '["VUG"]', now(), now())""",
    )
    with pytest.raises(psycopg.Error, match="universe 'plain' is a list") as refused:
        as_role(growth, APP, "SELECT * FROM get_etf_universe('plain')")
    assert "themes are: etf_growth" in (refused.value.diag.message_hint or "")


def test_symbols_are_checked_one_by_one_with_the_reason(growth: str) -> None:
    fund(growth, "GONE")
    query(growth, "UPDATE ticker_intervals SET valid_to = '2026-11-21' WHERE ticker = 'GONE'")
    add_security(growth, "BARE")
    fund(growth, "THIN", volume=10)
    fund(growth, "DEAR", expense_ratio=0.01, aum_usd=999_000_000)
    fund(growth, "DARK", expense_ratio=None)
    fund(growth, "FAIL")
    query(
        growth,
        """INSERT INTO symbol_validations
        SELECT security_id, 'FAIL', '2026-11-20', 'ETF', 1, 'fails', 'too small', 1, 1, 1, 0, now()
        FROM symbols WHERE symbol = 'FAIL'""",
    )
    query(
        growth, """UPDATE cache_entries SET value = '["VUG", "NONE", "GONE", "BARE", "THIN", "DEAR", "DARK", "FAIL"]'"""
    )
    rows = as_role(growth, APP, "SELECT * FROM validate_etf_universe_symbols('growth')")
    assert [row[:2] for row in rows] == [
        ("VUG", "ok"), ("NONE", "unknown"), ("GONE", "delisted"), ("BARE", "without_bars"), ("THIN", "breaks_filter"),
        ("DEAR", "breaks_filter"), ("DARK", "unknown"), ("FAIL", "breaks_filter"),
    ]  # fmt: skip
    assert rows[2][2] == "not listed since 2026-11-21"
    assert rows[4][2].startswith("adv20_usd 1")
    assert rows[4][2].endswith("is below 5000000")
    assert rows[5][2] == "aum_usd 999000000.00 is below 1000000000; expense_ratio 0.010000 is above 0.0075"
    assert rows[6][2] == "not known: expense_ratio"
    assert rows[7][2] == "fails the rules of its type: too small"


# -- rights -----------------------------------------------------------------------------------------------------------


def test_only_the_writer_may_set_members_and_nobody_else_may_call_anything(growth: str) -> None:
    for call in ("update_etf_universe('growth', ARRAY['VUG'], 'x')", "sha1('x')", "event_id_of('a', 'b', 'c')"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role(growth, APP, f"SELECT * FROM {call}")
    assert as_role(growth, WRITER, "SELECT * FROM update_etf_universe('growth', ARRAY['VUG'], 'x')") == [
        ("removed", "IWF")
    ]
    public = """
        SELECT p.proname FROM pg_proc AS p
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE p.pronamespace = 'public'::regnamespace AND a.grantee = 0 AND a.privilege_type = 'EXECUTE'
            AND (p.proname LIKE '%universe%'
                OR p.proname IN ('get_cache_entries', 'etf_members', 'sha1', 'uuid_v5', 'event_id_of'))
    """
    assert query(growth, public) == []


def test_the_functions_read_by_a_fixed_path_and_with_the_rights_of_who_calls(growth: str) -> None:
    functions = """
        SELECT proname, provolatile::text, prosecdef, proconfig FROM pg_proc
        WHERE proname IN (
            'get_cache_entries', 'get_etf_universe', 'validate_etf_universe_symbols', 'update_etf_universe')
        ORDER BY 1
    """
    assert [(row[0], row[1], row[2], row[3]) for row in query(growth, functions)] == [
        (name, volatility, False, ["search_path=public, pg_temp"])
        for name, volatility in (
            ("get_cache_entries", "s"), ("get_etf_universe", "s"), ("update_etf_universe", "v"),
            ("validate_etf_universe_symbols", "s"),
        )
    ]  # fmt: skip


# -- setting members --------------------------------------------------------------------------------------------------


def as_writer(database_url: str, call: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url, options=f"-c role={WRITER} -c timezone=Asia/Tokyo") as connection:
        return connection.execute(call.encode()).fetchall()


def test_sha1_and_event_ids_are_the_same_in_both_languages(migrated_database_url: str) -> None:
    texts = ["", "abc", "a" * 55, "b" * 56, "c" * 63, "d" * 64, "ü€😀" * 20, "e" * 1000]
    found = query(
        migrated_database_url,
        "SELECT encode(sha1(convert_to(t, 'UTF8')), 'hex') FROM unnest(%s::text[]) AS t",
        (texts,),
    )
    assert [row[0] for row in found] == [
        hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() for text in texts
    ]
    data = UniverseUpdated(
        universe="etf_größe", session=FRI, added=({"symbol": "A", "reason": "x"},), members=1, task="set"
    )
    event = Event.of(data, time=NOW, dedupe_key=f"{FRI}#12")
    same = "SELECT event_id_of(%s, %s, %s)"
    assert query(migrated_database_url, same, (event.channel, event.subject, f"{FRI}#12")) == [(event.id,)]
    assert query(migrated_database_url, "SELECT uuid_v5(%s, 'x')", (uuid.NAMESPACE_DNS,)) == [
        (uuid.uuid5(uuid.NAMESPACE_DNS, "x"),)
    ]


def test_members_set_by_sql_keep_the_same_books(growth: str) -> None:
    fund(growth, "SPYG")
    [(today,)] = query(growth, "SELECT (now() AT TIME ZONE 'America/New_York')::date")
    said = as_writer(growth, "SELECT * FROM update_etf_universe('growth', ARRAY['SPYG', 'VUG'], ' cheaper ')")
    assert said == [("added", "SPYG"), ("removed", "IWF")]
    [(session, at)] = query(growth, "SELECT session, determined_at FROM universe_determinations WHERE run_id = 'sql'")
    assert session >= today, "the function itself reads the database's clock"
    assert tickers_of(growth, "etf_growth", session) == ["SPYG", "VUG"]
    assert tickers_of(growth, "etf_growth", WED) == ["IWF", "VUG"]
    assert tickers_of(growth, "etf_growth", session, known_at=NOW) == ["IWF", "VUG"]
    [(value, updated)] = query(growth, "SELECT value, last_universe_update FROM cache_entries")
    assert (value, updated) == (["SPYG", "VUG"], at)
    data = UniverseUpdated(
        universe="etf_growth", session=session, added=({"symbol": "SPYG", "reason": "cheaper"},),
        removed=({"symbol": "IWF", "reason": "cheaper"},), members=2, task="set", run_id=None,
    )  # fmt: skip
    event = Event.of(data, time=at, dedupe_key=f"{session}#1")
    stored = query(
        growth, "SELECT event_id, channel, subject, event, occurred_at FROM outbox ORDER BY position DESC LIMIT 1"
    )
    assert stored == [(event.id, event.channel, event.subject, event.envelope(), at)]
    log = "SELECT ticker, task, change, reason, event_id FROM sync_changes_log WHERE run_id = 'sql' ORDER BY change_id"
    assert query(growth, log) == [
        ("SPYG", "set", "added", "cheaper", event.id), ("IWF", "set", "removed", "cheaper", event.id),
    ]  # fmt: skip
    assert explain(open_engine(growth), "SPYG", "growth", session).reason == f"added from {session} on: cheaper"


def test_the_same_members_again_write_nothing_and_who_comes_back_was_never_away(growth: str) -> None:
    as_writer(growth, "SELECT * FROM update_etf_universe('growth', ARRAY['VUG'], 'one')")
    before = versions(growth)
    assert as_writer(growth, "SELECT * FROM update_etf_universe('etf_growth', ARRAY['VUG'], 'again')") == []
    assert versions(growth) == before
    assert as_writer(growth, "SELECT * FROM update_etf_universe('growth', ARRAY['VUG', 'IWF'], 'back')") == [
        ("added", "IWF")
    ]
    spans = "SELECT DISTINCT valid_from, valid_to FROM universe_memberships WHERE known_to IS NULL"
    assert query(growth, spans) == [(MON, None)]
    assert query(growth, "SELECT count(DISTINCT event_id) FROM outbox") == [(3,)]


def test_a_fund_that_breaks_the_filter_may_not_join_and_one_that_is_a_member_may_stay(growth: str) -> None:
    fund(growth, "DBC", themes=["commodities"], etf_type="commodities", expense_ratio=0.0087)
    fund(growth, "SPY", themes=None, etf_type="broad_market")
    fund(growth, "DARK", aum_usd=None)
    query(growth, "UPDATE securities SET expense_ratio = 0.01 WHERE security_id IN (SELECT newest_holder('IWF'))")
    before = versions(growth)
    dbc = r"DBC \(expense_ratio 0.008700 is above 0.0075; themes commodities lack growth\)"
    refused = rf"the filter of etf_growth does not admit {dbc}, SPY \(themes none lack growth\)"
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=refused):
        as_writer(growth, "SELECT * FROM update_etf_universe('growth', ARRAY['VUG', 'IWF', 'DBC', 'SPY'], 'x')")
    assert versions(growth) == before
    said = as_writer(growth, "SELECT * FROM update_etf_universe('growth', ARRAY['VUG', 'IWF', 'DARK'], 'x')")
    assert said == [("added", "DARK")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'growth', ARRAY['NONE', 'VUG', 'NADA'], 'x'", "not listed on .*: NONE, NADA"),
        ("'growth', ARRAY['VUG', 'VUG'], 'x'", "symbols name one of them twice"),
        ("'growth', ARRAY['VUG', NULL], 'x'", "symbols name one of them twice, or none"),
        ("'growth', ARRAY[]::text[], 'x'", "universe 'etf_growth' would become empty"),
        ("'growth', NULL, 'x'", "universe 'etf_growth' would become empty"),
        ("'growth', ARRAY['VUG'], ' '", "reason is missing"),
        ("'growth', ARRAY['VUG'], NULL", "reason is missing"),
        ("'growth', ARRAY['VUG', 'NEW'], 'x'", "the themes of NEW are not known"),
        ("'growth', ARRAY['VUG'], E'x\\x1b[2J'", "reason .* has control characters"),
        ("'nothing', ARRAY['VUG'], 'x'", "universe 'nothing' is not known"),
        ("'plain', ARRAY['VUG'], 'x'", "universe 'plain' is no theme"),
    ],
)
def test_members_that_cannot_be_set_change_nothing(growth: str, arguments: str, message: str) -> None:
    query(
        growth,
        "INSERT INTO cache_entries (key, type, name, value, created_at, updated_at) "
        """VALUES ('plain', 'list', 'Plain', '["VUG"]', now(), now())""",
    )
    fund(growth, "NEW", etf_type=None, themes=None)
    before = versions(growth)
    with pytest.raises(psycopg.Error, match=message):
        as_writer(growth, f"SELECT * FROM update_etf_universe({arguments})")
    assert versions(growth) == before


# -- performance ------------------------------------------------------------------------------------------------------


def test_performance_is_what_the_adjusted_prices_say(growth: str) -> None:
    long = fund(growth, "LONG", days=420)
    determine(growth, "etf_growth", FRI, [long])
    query(
        growth,
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, "
        f"known_from) VALUES ({long}, 'LONG', 'split', 'forward_split', '2026-11-16', 1, 2, 's', now())",
    )
    names = "symbol, session, return_1d, return_1w, return_1m, return_ytd, return_1y, volatility_60d, max_drawdown_1y"
    [row] = as_role(growth, APP, f"SELECT {names} FROM etf_universe_performance WHERE theme IS NULL")
    adjusted = query(
        growth,
        f"SELECT session, total_return_close::float8 FROM ohlcv_daily_adjusted WHERE security_id = {long} ORDER BY 1",
    )
    prices = [price for _session, price in adjusted]
    daily = [now / then - 1 for then, now in itertools.pairwise(prices)]
    last_year = [price for session, price in adjusted if session.year == 2025][-1]
    anniversary = [price for session, price in adjusted if session <= date(2025, 11, 20)][-1]
    year = prices[-253:]
    falls = [price / max(year[: place + 1]) - 1 for place, price in enumerate(year)]
    assert row[:2] == ("LONG", FRI)
    assert list(row[2:]) == pytest.approx(
        [
            prices[-1] / prices[-2] - 1, prices[-1] / prices[-6] - 1, prices[-1] / prices[-22] - 1,
            prices[-1] / last_year - 1, prices[-1] / anniversary - 1,
            statistics.stdev(daily[-60:]) * math.sqrt(252), min(falls),
        ]
    )  # fmt: skip


def test_performance_is_not_known_where_the_bars_do_not_reach_back(growth: str) -> None:
    names = "return_1d IS NULL, return_1m IS NULL, return_ytd, return_1y, volatility_60d"
    rows = as_role(growth, APP, f"SELECT {names} FROM etf_universe_performance")
    assert rows == [(False, False, None, None, None)] * 2


@pytest.mark.parametrize(("days", "known"), [(365, True), (364, False)])
def test_a_load_of_one_year_reaches_the_close_from_which_its_return_counts(
    growth: str,
    days: int,
    known: bool,
) -> None:
    year = fund(growth, "YEAR", days=days)
    determine(growth, "etf_growth", FRI, [year])
    assert as_role(growth, APP, "SELECT return_1y IS NOT NULL FROM etf_universe_performance") == [(known,)]
