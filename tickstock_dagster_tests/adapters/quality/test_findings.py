"""Findings in the store: once, with history and events; wrong rows set aside, held, released and confirmed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.quality.browsing import find_finding
from tickstock_dagster.adapters.quality.decisions import decide
from tickstock_dagster.adapters.quality.findings import Scope, StoredFindings, store_findings
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.judging.findings import Severity, Verdict
from tickstock_dagster.core.quality.lifecycle import Finding, Key, State
from tickstock_dagster_tests.adapters.store_helpers import FRI, NOW, THU, add_security, as_role, bar, batch, query

LATER = NOW + timedelta(days=1)
BARS = "SELECT to_jsonb(b.*) FROM ohlcv_daily AS b WHERE session = '2026-11-20' ORDER BY ticker"
EVENTS = (
    "SELECT channel, event -> 'data' ->> 'verdict', event -> 'data' ->> 'was' FROM outbox "
    "WHERE starts_with(channel, 'tickstock.quality') ORDER BY position"
)
GAPS = "SELECT ticker, reason, is_final, retry_at FROM bar_gaps"


class World:
    """AAA and BBB with a bar each on Thursday and Friday; rules that find what a test says."""

    def __init__(self, database_url: str) -> None:
        self.url, self.engine = database_url, open_engine(database_url)
        self.ids = {ticker: add_security(database_url, ticker) for ticker in ("AAA", "BBB")}
        self.load()

    def load(self, **friday: Any) -> None:
        """The vendor's answer, as stored; `friday` is what AAA's bar of Friday has instead."""
        rows = [bar(number, day, ticker) for ticker, number in self.ids.items() for day in (THU, FRI)]
        rows = [row | (friday if row["ticker"] == "AAA" and row["session"] == FRI else {}) for row in rows]
        store_batch(self.engine, batch(*rows, now=NOW))

    def finding(self, rule: str = "price_move", verdict: Verdict = Verdict.SUSPICIOUS, **others: Any) -> Finding:
        key = Key(self.ids["AAA"], FRI, rule)
        made = Finding(key, "AAA", verdict, Severity.WARN, "why", 0.5, 0.2, {"close": 11.0}, "a split")
        return replace(made, **others)

    def store(self, *found: Finding) -> StoredFindings:
        scope = Scope(FRI, FRI, ["price_move", "scale_break", "bar_order"], list(self.ids.values()))
        with transaction(self.engine) as connection:
            return store_findings(connection, found, scope, market="XNYS", run_id="run-1", now=LATER)

    def decide(self, state: State, rule: str = "price_move") -> Any:
        key = Key(self.ids["AAA"], FRI, rule)
        return decide(self.engine, key, state, by="ada", why="seen on the tape", run_id="cli", now=LATER)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        return query(self.url, text)


@pytest.fixture
def world(migrated_database_url: str) -> World:
    return World(migrated_database_url)


def test_a_finding_is_stored_and_told_once_and_again_when_its_verdict_changes(world: World) -> None:
    assert world.store(world.finding()) == StoredFindings(1, 0, 0, 1)
    assert world.store(world.finding()) == StoredFindings(0, 0, 0, 0), "the same again"
    split = world.finding(verdict=Verdict.EXPLAINED, cause="a split of 2 for 1 was told late")
    assert world.store(split) == StoredFindings(0, 1, 0, 1)
    assert world.store() == StoredFindings(0, 0, 1, 0)
    told = world.rows(EVENTS)
    assert told == [
        ("tickstock.quality.price_anomaly", "suspicious", None),
        ("tickstock.quality.price_anomaly", "explained", "suspicious"),
    ]
    history = world.rows("SELECT was, verdict, how, cause, given_by FROM quality_verdicts ORDER BY verdict_id")
    assert history[:2] == [
        (None, "suspicious", "found", "why", "run-1"),
        ("suspicious", "explained", "judged", "a split of 2 for 1 was told late", "run-1"),
    ]
    assert history[2][:3] == ("explained", "explained", "withdrawn")
    assert world.rows("SELECT count(*) FROM quality_anomalies") == [(1,)]


def test_a_wrong_row_goes_to_quarantine_with_all_its_values_and_stays_owed(world: World) -> None:
    [(before,), other] = world.rows(BARS)
    wrong = world.finding("scale_break", Verdict.WRONG, severity=Severity.ERROR, cause="a decimal slip")
    done = world.store(wrong, world.finding(verdict=Verdict.WRONG))
    assert done.set_aside == ((world.ids["AAA"], FRI),)
    assert world.rows(BARS) == [other]
    [row] = world.rows("SELECT row, reason, source, held, resolved_at FROM quarantined_bars")
    assert row == (before, "scale_break: a decimal slip; price_move: why", "simulator", True, None)
    assert world.rows(GAPS) == [("AAA", "quarantined", False, LATER + timedelta(days=1))]
    assert world.store() == StoredFindings(0, 0, 0, 0), "its rule cannot see the bar, which withdraws nothing"


@pytest.mark.parametrize(("wrong", "moved"), [(20, 20), (21, 0)])
def test_a_session_of_which_nearly_everything_is_judged_wrong_keeps_its_bars(
    world: World, caplog: pytest.LogCaptureFixture, wrong: int, moved: int
) -> None:
    """25 securities print on Friday: up to four in five wrong bars are set aside, and of more none."""
    world.ids |= {ticker: add_security(world.url, ticker) for ticker in (f"C{n:02}" for n in range(23))}
    world.load()
    keys = [Key(number, FRI, "price_move") for number in world.ids.values()][:wrong]
    done = world.store(*(world.finding(key=key, ticker="AAA", verdict=Verdict.WRONG) for key in keys))
    assert (done.found, len(done.set_aside)) == (wrong, moved)
    [(stored,)] = world.rows("SELECT count(*) FROM ohlcv_daily WHERE session = '2026-11-20'")
    assert stored == 25 - moved
    assert ("21 of 25 bars of 2026-11-20" in caplog.text) == (moved == 0)


def test_a_session_that_is_off_as_a_whole_has_one_event_and_each_symbol_its_finding(world: World) -> None:
    names = [f"C{number:02}" for number in range(60)]
    insert = (
        "INSERT INTO securities (name, updated_at) SELECT n, now() FROM unnest(%s::text[]) AS n RETURNING security_id"
    )
    ids = [number for (number,) in query(world.url, insert, (names,))]
    off = [
        world.finding(key=Key(number, FRI, "price_move"), ticker=name) for name, number in zip(names, ids, strict=True)
    ]
    world.ids |= dict(zip(names, ids, strict=True))
    assert world.store(*off) == StoredFindings(60, 0, 0, 1)
    [(told, sample)] = world.rows("SELECT event -> 'data' -> 'findings', event -> 'data' -> 'sample' FROM outbox")
    assert (told, sample) == (60, names[:10])
    assert world.store(*off) == StoredFindings(0, 0, 0, 0)
    assert world.store(*off[1:]) == StoredFindings(0, 0, 1, 1), "a single one that is withdrawn is told alone"
    assert world.rows(EVENTS)[1:] == [("tickstock.quality.price_anomaly", "explained", "suspicious")]


def test_the_same_answer_does_not_put_it_back_and_a_different_one_does(world: World) -> None:
    wrong = world.finding(verdict=Verdict.WRONG)
    world.store(wrong)
    world.load()
    assert len(world.rows(BARS)) == 1
    assert world.rows(GAPS) == [("AAA", "quarantined", False, NOW + timedelta(days=1))], "asked, and due tomorrow"
    world.load(close=11.5)
    assert len(world.rows(BARS)) == 2
    assert world.rows(GAPS) == []
    assert world.store() == StoredFindings(0, 0, 1, 1), "the finding was about another bar"
    world.load()
    assert world.rows("SELECT close FROM ohlcv_daily WHERE ticker = 'AAA' AND session = '2026-11-20'")[0][0] == 11.5


@pytest.mark.parametrize("state", [None, State.CONFIRMED])
def test_a_split_told_after_the_judgement_lets_the_same_answer_in_again(world: World, state: State | None) -> None:
    wrong = world.finding("scale_break", Verdict.WRONG)
    world.store(wrong)
    if state is not None:
        world.decide(state, "scale_break")
    query(
        world.url,
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, "
        "known_from) VALUES (%s, 'AAA', 'split', 'forward_split', '2026-11-20', 1, 10, 'simulator', %s)",
        (world.ids["AAA"], LATER + timedelta(minutes=1)),
    )
    world.load()
    assert len(world.rows(BARS)) == (2 if state is None else 1), "what a person confirmed stays out"
    if state is None:
        assert world.store(wrong).set_aside == ((world.ids["AAA"], FRI),), "as wrong as before, it goes again"
        assert world.rows("SELECT held FROM quarantined_bars") == [(True,)]


def test_only_the_bar_that_was_judged_is_set_aside_whenever_it_was_loaded(world: World) -> None:
    judged = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1000.0}
    wrong = world.finding(verdict=Verdict.WRONG, evidence=judged)
    world.load(close=11.5)
    assert world.store(wrong) == StoredFindings(0, 0, 0, 0), "the load's time is before the judgement's"
    assert len(world.rows(BARS)) == 2
    world.load()
    query(world.url, "UPDATE ohlcv_daily SET loaded_at = %s", (LATER + timedelta(seconds=1),))
    assert world.store(wrong).set_aside == ((world.ids["AAA"], FRI),)


def test_a_release_puts_exactly_the_row_back_and_is_remembered(world: World) -> None:
    before = world.rows(BARS)
    world.store(world.finding(verdict=Verdict.WRONG), world.finding("bar_order", Verdict.WRONG))
    done = world.decide(State.RELEASED)
    assert (done.bar_put_back, {one.key.rule for one in done.findings}) == (True, {"price_move", "bar_order"})
    assert world.rows(BARS) == before
    assert world.rows(GAPS) == []
    assert world.decide(State.RELEASED).findings == (), "twice is once"
    again = world.store(world.finding(verdict=Verdict.WRONG), world.finding("bar_order", Verdict.WRONG))
    assert again == StoredFindings(0, 0, 0, 0), "the decision stands"
    world.load()
    assert world.rows(BARS) == before
    stands = "SELECT rule, verdict, state, decided_by, decided_why FROM quality_anomalies ORDER BY rule"
    assert world.rows(stands) == [
        (rule, "explained", "released", "ada", "seen on the tape") for rule in ("bar_order", "price_move")
    ]
    assert world.rows(EVENTS)[2:] == [("tickstock.quality.price_anomaly", "explained", "wrong")] * 2
    world.load(close=11.5)
    reopened = world.store(world.finding(verdict=Verdict.WRONG, evidence={"close": 11.5}))
    assert (reopened.changed, reopened.withdrawn, len(reopened.set_aside)) == (1, 1, 1), "another bar is judged again"


def test_a_confirmation_takes_a_suspicious_row_out_and_keeps_it_out(world: World) -> None:
    world.store(world.finding())
    assert world.decide(State.CONFIRMED).bar_set_aside
    assert len(world.rows(BARS)) == 1
    assert world.store() == StoredFindings(0, 0, 0, 0)
    world.load()
    assert len(world.rows(BARS)) == 1
    assert world.decide(State.RELEASED).bar_put_back, "people may change their minds"
    assert len(world.rows(BARS)) == 2
    how = world.rows("SELECT how, given_by FROM quality_verdicts ORDER BY verdict_id")
    assert how == [("found", "run-1"), ("confirmed", "ada"), ("released", "ada")]


@pytest.mark.parametrize("state", [State.RELEASED, State.CONFIRMED])
def test_nobody_decides_about_a_bar_that_has_been_replaced(world: World, state: State) -> None:
    world.store(world.finding(verdict=Verdict.WRONG))
    world.load(close=11.5)
    with pytest.raises(BadInputError, match="about a bar that has been replaced"):
        world.decide(state)
    assert len(world.rows(BARS)) == 2


def test_a_withdrawn_finding_is_not_confirmed(world: World) -> None:
    world.store(world.finding())
    world.store()
    with pytest.raises(BadInputError, match="was withdrawn"):
        world.decide(State.CONFIRMED)
    assert len(world.rows(BARS)) == 2


def test_nothing_is_half_written_and_the_writer_may_not_delete_bars(world: World) -> None:
    wrong, impossible = world.finding(verdict=Verdict.WRONG), world.finding("bar_order", settled_by="\0")
    with pytest.raises(Exception, match="Unicode escape"):
        world.store(wrong, impossible)
    assert (len(world.rows(BARS)), world.rows("SELECT count(*) FROM quality_anomalies")) == (2, [(0,)])
    with pytest.raises(Exception, match="permission denied"):
        as_role(world.url, "tickstock_writer", "DELETE FROM ohlcv_daily")
    assert as_role(world.url, "tickstock_app", "SELECT count(*) FROM quality_summary") == [(0,)]


def test_factors_of_adjusted_prices_follow_a_bar_that_is_set_aside_and_comes_back(world: World) -> None:
    query(
        world.url,
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, cash_amount, currency, source,"
        " known_from) VALUES (%s, 'AAA', 'dividend', 'recurring', '2026-11-20', 1, 'USD', 's', now())",
        (world.ids["AAA"],),
    )
    thursday = replace(world.finding(), key=Key(world.ids["AAA"], THU, "price_move"), verdict=Verdict.WRONG)
    closes = "SELECT close_dates FROM adjustment_factors"
    assert world.rows(closes) == [([THU],)]
    with transaction(world.engine) as connection:
        store_findings(connection, [thursday], Scope(THU, THU, ["price_move"]), market="XNYS", run_id="r", now=LATER)
    assert world.rows("SELECT close_dates[1] = '-infinity' FROM adjustment_factors") == [(True,)]
    decide(world.engine, thursday.key, State.RELEASED, by="ada", why="right", run_id="cli", now=LATER)
    assert world.rows(closes) == [([THU],)]


def test_a_finding_is_named_by_its_number_or_by_ticker_session_and_rule(world: World) -> None:
    world.store(world.finding())
    [(number,)] = world.rows("SELECT anomaly_id FROM quality_anomalies")
    key = Key(world.ids["AAA"], FRI, "price_move")
    assert find_finding(world.engine, [str(number)]) == key
    assert find_finding(world.engine, ["AAA", "2026-11-20", "price_move"]) == key
    for named in (["0"], ["x"], [str(number + 1)], ["AAA", "2026-11-20", "no_such"], ["AAA", "yesterday", "price_move"],
                  ["BBB", "2026-11-20", "price_move"], ["AAA", "2026-11-20"]):  # fmt: skip
        with pytest.raises(BadInputError):
            find_finding(world.engine, named)
