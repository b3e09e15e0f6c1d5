"""The catalogue's universes made in a store, the seeds that join, and rules in versions."""

import pytest

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.universes.file_import import import_universe, resolve_lines
from tickstock_dagster.adapters.universes.rules_store import write_rule
from tickstock_dagster.adapters.universes.seeding import Seeding, seed_missing, seed_universes, seeds_wait
from tickstock_dagster.adapters.universes.store import universe_tickers
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.catalogue import shipped_universes
from tickstock_dagster.core.universes.files import parse_members
from tickstock_dagster.core.universes.memberships import ALWAYS
from tickstock_dagster.core.universes.rules import Condition, Rule
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, add_security, query
from tickstock_dagster_tests.adapters.universes.membership_helpers import determine, tickers_of, versions

SEEDS = {"growth": ("VUG", "IWF"), "value": ("VTV",)}
KEYS = tuple(universe.key for universe in shipped_universes())


def seed(database_url: str) -> Seeding:
    return seed_universes(open_engine(database_url), SEEDS, run_id="r", now=NOW)


def test_the_catalogue_is_made_once_with_its_rules(migrated_database_url: str) -> None:
    add_security(migrated_database_url, "VUG")
    add_security(migrated_database_url, "VTV")
    assert seed(migrated_database_url) == Seeding(KEYS, 2, {"growth": ("IWF",)})
    before = versions(migrated_database_url)
    assert seed(migrated_database_url) == Seeding((), 0, {"growth": ("IWF",)})
    assert versions(migrated_database_url) == before
    stored = query(migrated_database_url, "SELECT universe, version, rule FROM universe_rules")
    assert len(stored) == len({key for key, _, _ in stored}), "one version each"
    assert {key: (version, Rule.from_json(rule)) for key, version, rule in stored} == {
        universe.key: (1, universe.rule) for universe in shipped_universes() if universe.rule
    }
    entries = "SELECT key, type, membership, aliases, universe_category, track, liquidity_filter FROM cache_entries"
    made = {row[0]: row[1:] for row in query(migrated_database_url, entries)}
    assert made["etf_growth"] == (
        "theme", "dated", ["growth"], "growth", False,
        {"aum_min": 1_000_000_000, "adv_usd_min": 5_000_000, "expense_ratio_max": 0.0075},
    )  # fmt: skip
    assert made["top_100"] == ("size", "dated", [], "size", False, None)
    assert made["dev_sectors"] == ("development", "static", [], "development", False, None)


def test_seeds_are_members_always_and_all_of_them_can_be_loaded_before_anything_is_known(
    migrated_database_url: str,
) -> None:
    add_security(migrated_database_url, "VUG")
    seed(migrated_database_url)
    assert universe_tickers(open_engine(migrated_database_url), "growth") == ("VUG", "IWF")
    assert tickers_of(migrated_database_url, "etf_growth", FRI) == ["VUG"]
    spans = "SELECT DISTINCT valid_from, valid_to FROM universe_memberships"
    assert query(migrated_database_url, spans) == [(ALWAYS, None)]
    assert query(migrated_database_url, "SELECT count(*) FROM outbox") == [(0,)], "nothing that consumers know changed"
    log = "SELECT session, ticker, change, reason, event_id FROM sync_changes_log WHERE task = 'seed'"
    assert query(migrated_database_url, log) == [(None, "VUG", "added", "seed of the theme", None)]


def test_a_seed_joins_when_it_is_known_and_never_comes_back_after_it_was_judged(migrated_database_url: str) -> None:
    vug = add_security(migrated_database_url, "VUG")
    seed(migrated_database_url)
    add_security(migrated_database_url, "IWF")
    assert seed(migrated_database_url) == Seeding((), 1, {"value": ("VTV",)})
    assert tickers_of(migrated_database_url, "etf_growth", FRI) == ["IWF", "VUG"]
    determine(migrated_database_url, "etf_growth", MON, [vug])
    assert seed(migrated_database_url).joined == 0
    assert tickers_of(migrated_database_url, "etf_growth", FRI) == ["VUG"]
    assert universe_tickers(open_engine(migrated_database_url), "growth") == ("VUG",)


def test_migrating_makes_what_is_missing_once_and_keeps_what_was_edited(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    for ticker in ("VUG", "MINE", "QQQ"):
        add_security(migrated_database_url, ticker)
    assert seed_missing(engine, run_id="cli", now=NOW) == KEYS
    assert seeds_wait(engine, "etf_bonds")
    query(migrated_database_url, """UPDATE cache_entries SET value = '["MINE"]' WHERE key = 'etf_bonds'""")
    query(migrated_database_url, """UPDATE cache_entries SET value = '["QQQ"]' WHERE key = 'dev_etfs'""")
    before = versions(migrated_database_url)
    assert seed_missing(engine, run_id="cli", now=NOW) == ()
    assert versions(migrated_database_url) == before
    seed_universes(engine, {"bonds": ("BND", "AGG")}, run_id="cli", now=NOW)
    assert tickers_of(migrated_database_url, "etf_bonds", FRI) == ["MINE"], "the edited list says who the seeds are"
    assert universe_tickers(engine, "bonds") == ("MINE",)
    assert universe_tickers(engine, "dev_etfs") == ("QQQ",)
    query(migrated_database_url, "DELETE FROM sync_changes_log; DELETE FROM universe_rules WHERE universe = 'top_10'")
    query(migrated_database_url, "DELETE FROM cache_entries WHERE key = 'top_10'")
    assert seed_missing(engine, run_id="cli", now=NOW) == ("top_10",), "one of a later release is added alone"


def test_an_imported_theme_gets_no_seed_back(migrated_database_url: str) -> None:
    for ticker in ("VUG", "IWF"):
        add_security(migrated_database_url, ticker)
    seed(migrated_database_url)
    engine = open_engine(migrated_database_url)
    [line] = parse_members("ticker,start_date,end_date\nIWF,2026-11-16,\n")
    import_universe(engine, "etf_growth", resolve_lines(engine, [line]), title="", reason="ours", run_id="cli", now=NOW)
    assert seed(migrated_database_url).joined == 0
    assert tickers_of(migrated_database_url, "etf_growth", FRI) == ["IWF"]
    said = query(migrated_database_url, "SELECT reason FROM sync_changes_log WHERE reason LIKE 'withdrawn%%'")
    assert all("1900" not in reason for (reason,) in said)
    assert said


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ({"groth": ("VUG",)}, r"theme 'groth' is not accepted: did you mean growth\?"),
        ({"growth": ("VUG", "VUG")}, "seeds of growth 'VUG, VUG' is not accepted: at least one ticker, each once"),
        ({"growth": ()}, "seeds of growth '' is not accepted"),
    ],
)
def test_seeds_that_cannot_be_are_refused(migrated_database_url: str, seeds, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        seed_universes(open_engine(migrated_database_url), seeds, run_id="r", now=NOW)
    assert query(migrated_database_url, "SELECT count(*) FROM cache_entries") == [(0,)]


# -- rules in versions ------------------------------------------------------------------------------------------------


def read_rule(database_url: str, version: int) -> tuple[Rule, str]:
    """A version of a rule, and why it was written."""
    sql = "SELECT rule, reason FROM universe_rules WHERE universe = 'etf_growth' AND version = %s"
    ((rule, reason),) = query(database_url, sql, (version,))
    return Rule.from_json(rule), reason


def change(database_url: str, rule: Rule, reason: str = "cheaper") -> int | None:
    with transaction(open_engine(database_url)) as connection:
        return write_rule(connection, "etf_growth", rule, reason=reason, run_id="r", now=NOW)


def test_a_changed_rule_is_a_new_version_that_is_logged_and_read_by_the_application(migrated_database_url: str) -> None:
    seed(migrated_database_url)
    old, _ = read_rule(migrated_database_url, 1)
    new = old.model_copy(update={"conditions": (Condition(field="expense_ratio", op="<", value=0.002),)})
    assert change(migrated_database_url, new) == 2
    assert read_rule(migrated_database_url, 2) == (new, "cheaper")
    assert read_rule(migrated_database_url, 1)[0] == old
    log = "SELECT change, reason, before, after, rule_version FROM sync_changes_log WHERE rule_version = 2"
    assert query(migrated_database_url, log) == [("rule", "cheaper", old.to_json(), new.to_json(), 2)]
    entry = "SELECT liquidity_filter, universe_metadata FROM cache_entries WHERE key = 'etf_growth'"
    assert query(migrated_database_url, entry) == [
        ({"expense_ratio_max": 0.002}, {"title": old.title, "rule_version": 2})
    ]


def test_the_same_rule_again_writes_nothing(migrated_database_url: str) -> None:
    seed(migrated_database_url)
    before = versions(migrated_database_url)
    assert change(migrated_database_url, read_rule(migrated_database_url, 1)[0]) is None
    assert versions(migrated_database_url) == before


def test_a_rule_needs_a_reason(migrated_database_url: str) -> None:
    seed(migrated_database_url)
    with pytest.raises(BadInputError, match="reason ' ' is not accepted: a reason for the change"):
        change(migrated_database_url, read_rule(migrated_database_url, 1)[0], reason=" ")
