"""Determinations applied on a real store: two clocks, the log, the projection, the event; twice is once."""
# ruff: noqa: S608 - every text that is put into a statement stands in this module

import threading
import time
from datetime import date, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.universes.membership_store import (
    Determination,
    apply_determinations,
    current_spans,
    determined_sessions,
    explain,
    members_on,
    resolve_universe,
)
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.events.envelope import Event
from tickstock_dagster.core.universes.memberships import Span
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, add_security, query
from tickstock_dagster_tests.adapters.universes.membership_helpers import dated, determine, tickers_of, versions

LATER = NOW + timedelta(hours=1)
LOG = """
SELECT session, ticker, task, change, reason, before, after, rule_version, run_id
FROM sync_changes_log ORDER BY session, change_id
"""
ENTRY = "SELECT value, last_universe_update, updated_at FROM cache_entries WHERE key = 'mine'"


@pytest.fixture
def ids(migrated_database_url: str) -> dict[str, int]:
    dated(migrated_database_url, "mine", "ours")
    return {ticker: add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB", "CCC", "DDD")}


# -- what is written --------------------------------------------------------------------------------------------------


def test_a_determination_writes_members_log_projection_and_event(migrated_database_url: str, ids) -> None:
    evidence = {"AAA": {"rank": 1, "facts": {"aum_usd": 5}}}
    [told] = determine(
        migrated_database_url, "mine", MON, [ids["BBB"], ids["AAA"]], reasons={ids["AAA"]: "large"}, evidence=evidence
    )
    assert [(one.symbol, one.reason) for one in told.added] == [("BBB", "determined by set"), ("AAA", "large")]
    assert (told.universe, told.session, told.removed, told.members) == ("mine", MON, (), 2)
    assert query(migrated_database_url, ENTRY) == [(["BBB", "AAA"], NOW, NOW)]
    assert query(migrated_database_url, LOG) == [
        (MON, "BBB", "set", "added", "determined by set", None, None, None, "run-1"),
        (MON, "AAA", "set", "added", "large", None, evidence["AAA"], None, "run-1"),
    ]
    stored = query(migrated_database_url, "SELECT event_id, event FROM outbox")
    event = Event.of(told, time=NOW, dedupe_key=f"{MON}#1")
    assert stored == [(event.id, event.envelope())]
    assert query(migrated_database_url, "SELECT DISTINCT event_id FROM sync_changes_log") == [(event.id,)]
    assert tickers_of(migrated_database_url, "mine", MON) == ["AAA", "BBB"]
    assert tickers_of(migrated_database_url, "mine", MON - timedelta(days=1)) == []


def test_who_leaves_keeps_the_sessions_before_and_is_logged_with_what_was_known(
    migrated_database_url: str, ids
) -> None:
    determine(migrated_database_url, "mine", MON, [ids["AAA"], ids["BBB"]], evidence={"BBB": {"rank": 2}})
    [told] = determine(
        migrated_database_url, "mine", WED, [ids["AAA"], ids["CCC"]],
        reasons={ids["BBB"]: "rank 3 of 2"}, evidence={"BBB": {"rank": 3}, "CCC": {"rank": 2}}, now=LATER,
    )  # fmt: skip
    assert [(one.symbol, one.reason) for one in told.removed] == [("BBB", "rank 3 of 2")]
    assert query(migrated_database_url, LOG)[2:] == [
        (WED, "CCC", "set", "added", "determined by set", None, {"rank": 2}, None, "run-1"),
        (WED, "BBB", "set", "removed", "rank 3 of 2", {"rank": 2}, {"rank": 3}, None, "run-1"),
    ]
    assert tickers_of(migrated_database_url, "mine", TUE) == ["AAA", "BBB"]
    assert tickers_of(migrated_database_url, "mine", WED) == ["AAA", "CCC"]
    assert tickers_of(migrated_database_url, "mine", WED, known_at=NOW) == ["AAA", "BBB"]
    assert tickers_of(migrated_database_url, "mine", WED, known_at=NOW - timedelta(days=1)) == []


def test_an_older_session_is_determined_later_and_the_newest_projection_stays(migrated_database_url: str, ids) -> None:
    determine(migrated_database_url, "mine", MON, [ids["AAA"]])
    determine(migrated_database_url, "mine", FRI, [ids["AAA"], ids["BBB"]])
    [told] = determine(migrated_database_url, "mine", WED, [ids["CCC"]], now=LATER)
    assert [one.symbol for one in told.added + told.removed] == ["CCC", "AAA"]
    assert query(migrated_database_url, ENTRY)[0][0] == ["AAA", "BBB"]
    seen = [tickers_of(migrated_database_url, "mine", day) for day in (MON, TUE, WED, THU, FRI)]
    assert seen == [["AAA"], ["AAA"], ["CCC"], ["CCC"], ["AAA", "BBB"]]
    engine = open_engine(migrated_database_url)
    assert determined_sessions(engine, "mine") == (MON, WED, FRI)
    assert determined_sessions(engine, "mine", TUE, THU) == (WED,)
    assert [(span.security_id, span.valid_from, span.valid_to) for span in current_spans(engine, "mine")] == [
        (ids["AAA"], MON, WED), (ids["AAA"], FRI, None), (ids["BBB"], FRI, None), (ids["CCC"], WED, FRI),
    ]  # fmt: skip


def test_the_same_determination_again_writes_nothing(migrated_database_url: str, ids) -> None:
    members = [ids["AAA"], ids["BBB"]]
    for session in (MON, WED):
        determine(migrated_database_url, "mine", session, members, evidence={"AAA": {"rank": 1, "share": 0.1}})
    before = versions(migrated_database_url)
    for session in (WED, MON):
        told = determine(
            migrated_database_url, "mine", session, members, evidence={"AAA": {"share": 0.1, "rank": 1}}, now=LATER
        )
        assert told == ()
    assert versions(migrated_database_url) == before


def test_other_evidence_is_written_down_and_told_to_nobody(migrated_database_url: str, ids) -> None:
    determine(migrated_database_url, "mine", MON, [ids["AAA"]], evidence={"AAA": {"rank": 1}})
    assert determine(migrated_database_url, "mine", MON, [ids["AAA"]], evidence={"AAA": {"rank": 2}}) == ()
    rows = "SELECT session, evidence FROM universe_determinations ORDER BY determined_at"
    assert query(migrated_database_url, rows) == [(MON, {"AAA": {"rank": 1}}), (MON, {"AAA": {"rank": 2}})]
    assert query(migrated_database_url, "SELECT count(*) FROM outbox") == [(1,)]
    assert query(migrated_database_url, ENTRY) == [(["AAA"], NOW, NOW)]


def test_a_session_determined_anew_at_the_same_moment_is_known_a_moment_later(migrated_database_url: str, ids) -> None:
    for members in (["AAA"], ["BBB"], ["AAA"]):
        determine(migrated_database_url, "mine", MON, [ids[ticker] for ticker in members])
    assert tickers_of(migrated_database_url, "mine", MON) == ["AAA"]
    moments = [NOW + timedelta(microseconds=moment) for moment in range(3)]
    assert [tickers_of(migrated_database_url, "mine", MON, known_at=at) for at in moments] == [
        ["AAA"],
        ["BBB"],
        ["AAA"],
    ]
    assert query(migrated_database_url, "SELECT count(DISTINCT event_id) FROM outbox") == [(3,)]


def test_a_universe_that_would_become_empty_or_is_no_dated_one_is_refused(migrated_database_url: str, ids) -> None:
    write_universe(open_engine(migrated_database_url), "plain", "list", "Plain", ["AAA"], track_from=None, now=NOW)
    determine(migrated_database_url, "mine", MON, [ids["AAA"]])
    before = versions(migrated_database_url)
    with pytest.raises(BadInputError, match=r"at least one: mine would become empty on 2026-11-18"):
        determine(migrated_database_url, "mine", WED, [])
    for universe in ("plain", "nobody"):
        with pytest.raises(BadInputError, match=f"universe '{universe}' is not accepted: a universe whose members are"):
            determine(migrated_database_url, universe, WED, [ids["AAA"]])
    assert versions(migrated_database_url) == before


def test_one_refused_determination_takes_all_of_its_transaction_with_it(migrated_database_url: str, ids) -> None:
    before = versions(migrated_database_url)
    good = Determination("mine", MON, (ids["AAA"],), "set")
    with pytest.raises(BadInputError), transaction(open_engine(migrated_database_url)) as connection:
        apply_determinations(connection, [good, Determination("mine", TUE, (), "set")], run_id="r", now=NOW)
    assert {table: len(rows) for table, rows in versions(migrated_database_url).items()} == {
        table: len(rows) for table, rows in before.items()
    }


def test_one_whose_listings_were_all_withdrawn_can_still_leave(migrated_database_url: str, ids) -> None:
    determine(migrated_database_url, "mine", MON, [ids["AAA"], ids["BBB"]])
    query(migrated_database_url, "DELETE FROM ticker_intervals WHERE security_id = %s", (ids["BBB"],))
    [told] = determine(migrated_database_url, "mine", WED, [ids["AAA"]])
    assert [one.symbol for one in told.removed] == [f"#{ids['BBB']}"]


def test_two_processes_at_once_revise_one_after_the_other(migrated_database_url: str, ids) -> None:
    engine = open_engine(migrated_database_url)
    ended: list[str] = []

    def second() -> None:
        determine(migrated_database_url, "mine", TUE, [ids["BBB"]], run_id="second")
        ended.append("second")

    with transaction(engine) as connection:
        apply_determinations(connection, [Determination("mine", MON, (ids["AAA"],), "set")], run_id="first", now=NOW)
        other = threading.Thread(target=second)
        other.start()
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        give_up = time.monotonic() + 20
        while query(migrated_database_url, waits) == [(0,)] and time.monotonic() < give_up:
            time.sleep(0.01)
        assert ended == []
        ended.append("first")
    other.join(20)
    assert ended == ["first", "second"]
    assert query(migrated_database_url, LOG)[-1][1:4] == ("AAA", "set", "removed")
    assert tickers_of(migrated_database_url, "mine", TUE) == ["BBB"]


def test_the_store_itself_refuses_two_answers_for_one_day_and_moment(migrated_database_url: str, ids) -> None:
    determine(migrated_database_url, "mine", MON, [ids["AAA"]])
    with pytest.raises(psycopg.errors.ExclusionViolation):
        query(
            migrated_database_url,
            "INSERT INTO universe_memberships (universe, security_id, valid_from, known_from) "
            "VALUES ('mine', %s, %s, %s)",
            (ids["AAA"], FRI, LATER),
        )


# -- survivorship -----------------------------------------------------------------------------------------------------

HISTORY_DAYS = [date(2026, 3, 2) + timedelta(days=offset) for offset in range(10)]
histories = st.tuples(
    # What each of four securities was called on each day; a ticker goes to whoever asks for it first.
    st.lists(st.lists(st.sampled_from(["AA", "BB", "CC", None]), min_size=10, max_size=10), min_size=4, max_size=4),
    st.lists(st.tuples(st.sampled_from(HISTORY_DAYS), st.frozensets(st.integers(0, 3), min_size=1)), max_size=8),
)


def names_by_day(wishes: list[list[str | None]]) -> list[list[str | None]]:
    """Nobody holds a ticker that another one has on that day."""
    taken: list[set[str]] = [set() for _ in HISTORY_DAYS]
    named: list[list[str | None]] = []
    for wish in wishes:
        mine: list[str | None] = []
        for place, ticker in enumerate(wish):
            free = ticker is not None and ticker not in taken[place]
            mine.append(ticker if free else None)
            if ticker is not None and free:
                taken[place].add(ticker)
        named.append(mine)
    return named


@given(histories)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_past_session_never_shows_who_was_no_member_then(migrated_database_url: str, history) -> None:
    wishes, determinations = history
    named = names_by_day(wishes)
    ids = [place + 1 for place in range(len(named))]
    rows = [
        f"({ids[one]}, '{ticker}', '{day}', '{day + timedelta(days=1)}', 'vendor', '{day}', '{day}')"
        for one, mine in enumerate(named)
        for day, ticker in zip(HISTORY_DAYS, mine, strict=True)
        if ticker
    ]
    query(
        migrated_database_url,
        "TRUNCATE securities, ticker_intervals, cache_entries, universe_memberships, universe_determinations, "
        "sync_changes_log, outbox RESTART IDENTITY CASCADE; "
        "INSERT INTO securities (updated_at) SELECT now() FROM generate_series(1, 4); "
        + (f"INSERT INTO ticker_intervals VALUES {', '.join(rows)}" if rows else ""),
    )
    dated(migrated_database_url, "mine")
    said: dict[date, frozenset[int]] = {}
    for moment, (session, members) in enumerate(determinations):
        wanted = [ids[place] for place in sorted(members) if any(named[place])]
        if wanted:
            determine(migrated_database_url, "mine", session, wanted, now=NOW + timedelta(seconds=moment))
            said[session] = frozenset(wanted)
    for place, day in enumerate(HISTORY_DAYS):
        before = [session for session in said if session <= day]
        members = said[max(before)] if before else frozenset()
        found = members_on(open_engine(migrated_database_url), "mine", day)
        expected = {(ids[one], named[one][place]) for one in range(4) if ids[one] in members and named[one][place]}
        assert set(found.select("security_id", "ticker").iter_rows()) == expected


# -- reading ----------------------------------------------------------------------------------------------------------


def test_a_universe_goes_by_its_alias_too(migrated_database_url: str) -> None:
    dated(migrated_database_url, "mine", "ours")
    engine = open_engine(migrated_database_url)
    assert (resolve_universe(engine, "mine"), resolve_universe(engine, "ours")) == ("mine", "mine")
    with pytest.raises(BadInputError, match=r"universe 'mines' is not accepted: did you mean mine\?"):
        resolve_universe(engine, "mines")


def test_a_list_has_the_same_securities_on_every_session_under_the_tickers_of_that_session(
    migrated_database_url: str, ids
) -> None:
    engine = open_engine(migrated_database_url)
    query(
        migrated_database_url,
        "UPDATE ticker_intervals SET ticker = 'OLD', valid_to = '2026-11-18', seen_to = '2026-11-17' "
        "WHERE ticker = 'AAA'",
    )
    query(
        migrated_database_url,
        "INSERT INTO ticker_intervals VALUES (%s, 'AAA', '2026-11-18', NULL, 'vendor', '2026-11-18', '2026-11-20')",
        (ids["AAA"],),
    )
    add_security(migrated_database_url, "NEW", since=FRI)
    write_universe(engine, "plain", "list", "Plain", ["AAA", "BBB", "NEW", "NOBODY"], track_from=None, now=NOW)
    assert tickers_of(migrated_database_url, "plain", TUE) == ["BBB", "OLD"]
    assert tickers_of(migrated_database_url, "plain", FRI) == ["AAA", "BBB", "NEW"]
    assert members_on(engine, "plain", TUE, listed=False)["ticker"].to_list() == ["BBB", "OLD", None]
    answer = explain(engine, "OLD", "plain", TUE)
    assert (answer.ticker, answer.member, answer.since) == ("OLD", True, None)
    assert not explain(engine, "CCC", "plain", TUE).member


def test_explain_says_since_when_by_which_rule_and_from_which_facts(migrated_database_url: str, ids) -> None:
    engine = open_engine(migrated_database_url)
    query(migrated_database_url, "INSERT INTO universe_rules VALUES ('mine', 3, '{}', 'because', now())")
    judged = {
        "AAA": {"rank": 1, "decision": "joined", "reason": "rank 1 of 2", "facts": {"market_cap": 9}},
        "BBB": {"rank": 3, "decision": "refused", "reason": "rank 3 of 2", "facts": {"market_cap": 7}},
    }
    determine(
        migrated_database_url, "mine", TUE, [ids["AAA"]], evidence=judged, rule_version=3, task="theme_rebalancing"
    )
    answer = explain(engine, "AAA", "ours", FRI)
    assert (answer.universe, answer.member, answer.since, answer.until) == ("mine", True, TUE, None)
    assert (answer.known_since, answer.determined, answer.determined_at) == (NOW, TUE, NOW)
    assert (answer.rule_version, answer.rank, answer.task) == (3, 1, "theme_rebalancing")
    assert (answer.decision, answer.reason, answer.facts) == ("joined", "rank 1 of 2", {"market_cap": 9})
    query(
        migrated_database_url,
        """INSERT INTO symbol_validations (
            security_id, ticker, session, equity_type, type_version, verdict, reason, validated_at)
        VALUES (%s, 'BBB', '2026-11-20', 'ETF', 1, 'fails', 'too small', now())""",
        (ids["BBB"],),
    )
    refused = explain(engine, "BBB", "mine", FRI)
    assert (refused.verdict, refused.verdict_reason, answer.verdict) == ("fails", "too small", None)
    assert (refused.member, refused.rank, refused.reason, refused.since) == (False, 3, "rank 3 of 2", None)
    assert explain(engine, "CCC", "mine", FRI).reason == "not among the securities evaluated"
    assert explain(engine, "AAA", "mine", MON).reason == (
        "no members were determined for any session up to that day (`tickstock universe sync` determines them)"
    )
    with pytest.raises(BadInputError, match="ticker 'ZZZ' is not accepted: a ticker that a known security holds"):
        explain(engine, "ZZZ", "mine", FRI)


def test_explain_without_evidence_says_what_the_log_says(migrated_database_url: str, ids) -> None:
    engine = open_engine(migrated_database_url)
    determine(migrated_database_url, "mine", MON, [ids["AAA"], ids["BBB"]], reasons={ids["AAA"]: "seed"})
    determine(migrated_database_url, "mine", WED, [ids["AAA"]], reasons={ids["BBB"]: "delisted"}, now=LATER)
    assert explain(engine, "AAA", "mine", FRI).reason == f"added from {MON} on: seed"
    assert explain(engine, "BBB", "mine", FRI).reason == f"removed from {WED} on: delisted"
    assert explain(engine, "BBB", "mine", TUE).until == WED


def test_spans_are_read_with_their_rows(migrated_database_url: str, ids) -> None:
    determine(migrated_database_url, "mine", MON, [ids["AAA"]])
    [(row,)] = query(migrated_database_url, "SELECT membership_id FROM universe_memberships")
    assert current_spans(open_engine(migrated_database_url), "mine") == [Span(ids["AAA"], MON, None, row)]
