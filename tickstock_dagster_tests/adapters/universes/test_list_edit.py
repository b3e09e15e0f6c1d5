"""Editing lists by hand: what changes, what is logged and told, and what is refused without a trace."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.file_import import exported, import_universe, resolve_lines
from tickstock_dagster.adapters.universes.list_edit import EditOutcome, edit_universe, set_list, track_universe
from tickstock_dagster.adapters.universes.membership_import import Imported
from tickstock_dagster.adapters.universes.store import universe_names, universe_tickers, write_universe
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.files import MemberLine, format_members, parse_members
from tickstock_dagster_tests.adapters.store_helpers import FRI, NOW, add_security, query

LOG = "SELECT session, universe, ticker, change, reason, run_id FROM sync_changes_log ORDER BY change_id"
EVENTS = "SELECT event_id, event -> 'data' FROM outbox ORDER BY position"


@pytest.fixture
def database_with_a_list(migrated_database_url: str) -> str:
    for ticker in ("AAA", "BBB", "CCC", "BRK.B"):
        add_security(migrated_database_url, ticker)
    write_universe(
        open_engine(migrated_database_url), "mine", "development", "Mine", ["AAA", "BBB"], track_from=None, now=NOW
    )
    return migrated_database_url


def edit(database_url: str, add: tuple[str, ...] = (), remove: tuple[str, ...] = (), **other: str) -> EditOutcome:
    values = {"universe": "mine", "reason": "we test", **other}
    return edit_universe(open_engine(database_url), add=add, remove=remove, run_id="run-1", now=NOW, **values)


def test_members_join_at_the_end_and_leave_in_one_logged_and_told_change(database_with_a_list: str) -> None:
    outcome = edit(database_with_a_list, add=("CCC", "brk-b"), remove=("AAA",))
    assert outcome == EditOutcome(("CCC", "BRK.B"), ("AAA",), 3)
    assert universe_tickers(open_engine(database_with_a_list), "mine") == ("BBB", "CCC", "BRK.B")
    assert query(database_with_a_list, LOG) == [
        (FRI, "mine", "CCC", "added", "we test", "run-1"),
        (FRI, "mine", "BRK.B", "added", "we test", "run-1"),
        (FRI, "mine", "AAA", "removed", "we test", "run-1"),
    ]
    [(event_id, data)] = query(database_with_a_list, EVENTS)
    assert [change["symbol"] for change in data["added"]] == ["CCC", "BRK.B"]
    assert [change["symbol"] for change in data["removed"]] == ["AAA"]
    assert data["members"] == 3
    assert {row[0] for row in query(database_with_a_list, "SELECT event_id FROM sync_changes_log")} == {event_id}


def test_who_is_a_member_joins_again_without_a_trace(database_with_a_list: str) -> None:
    version = query(database_with_a_list, "SELECT xmin::text FROM cache_entries")
    assert edit(database_with_a_list, add=("AAA",)) == EditOutcome((), (), 2)
    assert query(database_with_a_list, "SELECT xmin::text FROM cache_entries") == version
    assert query(database_with_a_list, LOG) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"add": ("NOSUCH",)}, "add 'NOSUCH' is not accepted: tickers in a list of the vendor"),
        ({"remove": ("CCC",)}, "remove 'CCC' is not accepted: members of mine"),
        ({"remove": ("AAA", "BBB")}, "mine would become empty"),
        ({"add": ("CCC", "ccc")}, "tickers 'CCC' is not accepted: each ticker once"),
        ({"add": ("CCC",), "remove": ("CCC",)}, "each ticker once"),
        ({"add": ("CCC",), "reason": " "}, "reason ' ' is not accepted"),
        ({"add": ("CCC",), "universe": "mien"}, "did you mean mine"),
    ],
)
def test_bad_edits_are_refused_and_change_nothing(
    database_with_a_list: str, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(BadInputError, match=words):
        edit(database_with_a_list, **arguments)  # type: ignore[arg-type]
    assert universe_tickers(open_engine(database_with_a_list), "mine") == ("AAA", "BBB")
    assert query(database_with_a_list, LOG) == []
    assert query(database_with_a_list, EVENTS) == []


def test_a_universe_that_follows_a_rule_is_not_edited(database_with_a_list: str) -> None:
    query(database_with_a_list, "UPDATE cache_entries SET membership = 'dated'")
    with pytest.raises(BadInputError, match="chooses its members by rule"):
        edit(database_with_a_list, add=("CCC",))


def test_tracking_is_turned_on_and_off_and_logged_once(database_with_a_list: str) -> None:
    engine = open_engine(database_with_a_list)
    for changed in (FRI, None):
        assert track_universe(engine, "mine", track=True, reason="we watch", run_id="cli", now=NOW) == changed
    assert tracked_tickers(engine) == ("AAA", "BBB")
    later = NOW + timedelta(days=1)
    assert track_universe(engine, "mine", track=False, reason="no more", run_id="cli", now=later)
    assert tracked_tickers(engine) == ()
    log = "SELECT change, before, after FROM sync_changes_log ORDER BY change_id"
    assert query(database_with_a_list, log) == [
        ("settings", {"track": False, "track_from": None}, {"track": True, "track_from": "2026-11-20"}),
        ("settings", {"track": True, "track_from": "2026-11-20"}, {"track": False, "track_from": "2026-11-20"}),
    ]


def test_a_list_is_made_and_given_other_members_each_with_its_event(database_with_a_list: str) -> None:
    engine = open_engine(database_with_a_list)
    made = set_list(engine, "ours", ["BBB", "AAA"], reason="new", run_id="cli", now=NOW)
    assert made == EditOutcome(("BBB", "AAA"), (), 2)
    later = NOW + timedelta(hours=1)
    changed = set_list(engine, "ours", ["AAA", "CCC"], reason="changed", run_id="cli", now=later)
    assert changed == EditOutcome(("CCC",), ("BBB",), 2)
    assert universe_tickers(engine, "ours") == ("AAA", "CCC")
    assert len(query(database_with_a_list, EVENTS)) == 2
    set_list(engine, "ours", ["CCC", "AAA"], reason="order", run_id="cli", now=later)
    assert universe_tickers(engine, "ours") == ("CCC", "AAA")
    assert len(query(database_with_a_list, EVENTS)) == 2, "another order is no other membership"


@pytest.mark.parametrize(
    ("name", "tickers", "words"),
    [
        ("Not A Name", ["AAA"], "a name of lower-case letters"),
        ("ours", [], "no universe is empty"),
        ("ours", ["AAA", "aaa"], "each ticker once"),
        ("ours", ["AAA", "NOSUCH"], "members 'NOSUCH' is not accepted"),
    ],
)
def test_a_list_that_cannot_be_is_not_made(
    database_with_a_list: str, name: str, tickers: list[str], words: str
) -> None:
    with pytest.raises(BadInputError, match=words):
        set_list(open_engine(database_with_a_list), name, tickers, reason="new", run_id="cli", now=NOW)
    assert query(database_with_a_list, "SELECT key FROM cache_entries") == [("mine",)]


def test_nothing_is_made_under_an_alias_and_a_key_counts_before_one(database_with_a_list: str) -> None:
    url, engine = database_with_a_list, open_engine(database_with_a_list)
    query(url, "UPDATE cache_entries SET aliases = '{my}' WHERE key = 'mine'")
    common: dict[str, Any] = {"reason": "we test", "run_id": "run-1", "now": NOW}
    with pytest.raises(BadInputError, match=r"universe 'my' is not accepted: it is another name of mine"):
        set_list(engine, "my", ["CCC"], **common)
    with pytest.raises(BadInputError, match="it is another name of mine"):
        write_universe(engine, "my", "list", "My", ["CCC"], track_from=None, now=NOW)
    lines = (MemberLine(2, "CCC", FRI, None),)
    with pytest.raises(BadInputError, match="it is another name of mine"):
        import_universe(engine, "my", resolve_lines(engine, lines), title="My", **common)
    set_list(engine, "other", ["CCC"], **common)
    for wrong in ("SET key = 'my' WHERE key = 'other'", "SET aliases = '{mine}' WHERE key = 'other'",
                  "SET aliases = '{my}' WHERE key = 'other'"):  # fmt: skip
        with pytest.raises(psycopg.errors.UniqueViolation, match="it is a name of mine"):
            query(url, f"UPDATE cache_entries {wrong}")
    assert universe_names(engine) == {"mine": "mine", "my": "mine", "other": "other"}
    with pytest.raises(BadInputError, match=r"accepted: mine, other$"):
        universe_tickers(engine, "nobody")
    query(url, "ALTER TABLE cache_entries DISABLE TRIGGER USER")
    query(url, "UPDATE cache_entries SET aliases = '{other}' WHERE key = 'mine'")
    query(url, "ALTER TABLE cache_entries ENABLE TRIGGER USER")
    assert universe_names(engine)["other"] == "other"
    assert set_list(engine, "other", ["AAA"], **common).members == 1, "one that exists is edited under its name"


def test_the_history_of_a_universe_is_imported_as_it_was_exported(database_with_a_list: str) -> None:
    engine = open_engine(database_with_a_list)
    common: dict[str, Any] = {"title": "T", "reason": "we test", "run_id": "run-1", "now": NOW}

    def taken_in(universe: str, text: str) -> Imported:
        return import_universe(engine, universe, resolve_lines(engine, parse_members(text)), **common)

    text = "ticker,start_date,end_date\nAAA,,\nBBB,,\n"
    assert taken_in("theme", text).published.session == FRI, "no event names the day that stands for the start"  # type: ignore[union-attr]
    for universe in ("theme", "mine"):  # a dated universe and a list
        assert format_members(exported(engine, universe, FRI, history=True)) == text
        assert taken_in(universe, text) == Imported(0, 0, 2)
