"""Versions of equity types: every state is kept with who and why, a rollback is one more, verdicts follow the rules."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import errors

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.adapters.securities.equity_type_store import (
    Author,
    put_in_force,
    read_equity_types,
    read_versions,
    roll_back,
    set_equity_type,
    store_validations,
    update_equity_types,
)
from tickstock_dagster.adapters.universes.facts import read_facts
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster_tests.adapters.store_helpers import FRI, NOW, THU, add_security, as_role, query

ANN = Author("ann", "a quieter year", "run-1")
EVENTS = "SELECT channel, (event -> 'data' ->> 'version')::int FROM outbox ORDER BY position"


def aum(millions: float) -> dict[str, Any]:
    return {"ETF": {"processing_rules": {"validation_rules": {"aum_minimum": millions * 1e6}}}}


def least_aum(database_url: str) -> float | None:
    engine = open_engine(database_url)
    return read_equity_types(engine)["ETF"].processing_rules.validation_rules.aum_minimum


def test_the_seed_is_version_one_of_every_type(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    types = read_equity_types(engine)
    versions = read_versions(engine)
    assert {one.equity_type: one.document for one in versions} == {code: one.to_json() for code, one in types.items()}
    assert {(one.version, one.former_version, one.restores) for one in versions} == {(1, None, None)}


def test_a_version_says_who_why_and_what(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    document = read_equity_types(engine)["ETF"].changed({"quality": {"price_move": 0.3}, "priority": "high"})
    assert set_equity_type(engine, document, ANN, now=NOW) == 2
    before = fingerprint(engine)
    assert set_equity_type(engine, document, ANN, now=NOW) is None, "twice equals once"
    assert fingerprint(engine) == before
    newest, first = read_versions(engine, "ETF")
    assert (newest.version, newest.former_version, newest.by, newest.reason, newest.run_id, newest.changed_at) == (
        2, 1, "ann", "a quieter year", "run-1", NOW
    )  # fmt: skip
    assert newest.document == document.to_json()
    assert first.version == 1
    assert query(migrated_database_url, EVENTS) == [
        ("tickstock.config.updated", 2), ("tickstock.equity.type_changed", 2)
    ]  # fmt: skip


def test_whoever_changes_a_type_is_told_the_version_of_that_change_whatever_others_write(
    migrated_database_url: str,
) -> None:
    engine = open_engine(migrated_database_url)

    def change(number: int) -> tuple[int, bool]:
        return put_in_force(engine, "ETF", {"quality": {"price_move": 0.3 + number / 100}}, ANN, now=NOW)

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(change, range(12)))
    documents = {one.version: one.document for one in read_versions(engine, "ETF")}
    assert {changed for _, changed in told} == {True}
    assert [documents[version]["quality"]["price_move"] for version, _ in told] == [0.3 + n / 100 for n in range(12)]
    newest = read_equity_types(engine)["ETF"]
    assert put_in_force(engine, "ETF", newest, ANN, now=NOW) == (13, False)


def test_a_new_type_begins_with_version_one(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    new = read_equity_types(engine)["SP"].model_copy(update={"equity_type": "NEW"})
    assert set_equity_type(engine, new, ANN, now=NOW) == 1
    assert [one.by for one in read_versions(engine, "NEW")] == ["ann"]


def test_rollbacks_go_back_one_by_one_or_to_a_version(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    for millions in (60, 70):
        update_equity_types(engine, aum(millions), now=NOW, author=ANN)
    found = []
    for _ in range(2):
        back = roll_back(engine, "ETF", ANN, now=NOW)
        assert back is not None
        found.append((back.version, back.former_version, back.restores, least_aum(migrated_database_url)))
    assert found == [(4, 3, 2, 60e6), (5, 4, 1, 50e6)]
    with pytest.raises(BadInputError, match="version of ETF '1' is not accepted: one with a version before it"):
        roll_back(engine, "ETF", ANN, now=NOW)
    assert roll_back(engine, "ETF", ANN, to=1, now=NOW) is None, "in force already"
    assert roll_back(engine, "ETF", ANN, to=3, now=NOW) is not None
    assert least_aum(migrated_database_url) == 70e6
    told = query(migrated_database_url, EVENTS)
    assert told[4:] == [
        (channel, version)
        for version in (4, 5, 6)
        for channel in ("tickstock.config.updated", "tickstock.equity.type_rolled_back")
    ]
    with pytest.raises(BadInputError, match="version of ETF '9' is not accepted: a version from 1 to 6"):
        roll_back(engine, "ETF", ANN, to=9, now=NOW)
    with pytest.raises(BadInputError, match="did you mean ETS"):
        roll_back(engine, "ETFS", ANN, now=NOW)


def test_a_document_that_this_release_refuses_is_not_restored(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    update_equity_types(engine, aum(60), now=NOW)
    query(
        migrated_database_url,
        """UPDATE equity_type_versions SET document = jsonb_set(document, '{quality}', '{"old_rule": 1}')
        WHERE equity_type = 'ETF' AND version = 1""",
    )
    before = fingerprint(engine)
    with pytest.raises(BadInputError, match=r"ETF\.quality\.old_rule '1"):
        roll_back(engine, "ETF", ANN, now=NOW)
    assert fingerprint(engine) == before


def test_a_change_that_goes_round_us_is_kept_as_well(migrated_database_url: str) -> None:
    query(migrated_database_url, "UPDATE equity_types SET priority = 'low', version = 77 WHERE equity_type = 'ETF'")
    query(migrated_database_url, "UPDATE equity_types SET version = 99 WHERE equity_type = 'ETF'")
    newest, _ = read_versions(open_engine(migrated_database_url), "ETF")
    assert (newest.version, newest.document["priority"], newest.run_id) == (2, "low", "sql")
    assert newest.reason == "changed in the table itself"
    for change in ("DELETE FROM equity_type_versions", "UPDATE equity_type_versions SET reason = 'x'"):
        with pytest.raises(errors.InsufficientPrivilege):
            as_role(migrated_database_url, "tickstock_writer", change)


@pytest.mark.parametrize("author", [("", "why"), ("ann", " "), ("ann", "a\nb")])
def test_a_change_without_author_or_reason_is_none(author: tuple[str, str]) -> None:
    with pytest.raises(BadInputError):
        Author(*author)


VERDICTS = "SELECT symbol, validation, validation_reason FROM symbols ORDER BY symbol"


def test_verdicts_are_stored_with_reference_data_and_follow_the_rules(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    for ticker, kind, assets in (("BIG", "ETF", 9e7), ("DIM", "ETF", None), ("OWN", "CS", None)):
        security_id = add_security(migrated_database_url, ticker)
        query(
            migrated_database_url,
            "UPDATE securities SET equity_type = %s, aum_usd = %s, expense_ratio = 0.01 WHERE security_id = %s",
            (kind, assets, security_id),
        )
    update_equity_types(
        engine, {"ETF": {"processing_rules": {"validation_rules": {"dollar_volume_threshold": None,
                                                                    "volume_threshold": None}}}}, now=NOW
    )  # fmt: skip
    assert store_validations(engine, read_facts(engine, FRI), FRI, now=NOW) == 3
    assert store_validations(engine, read_facts(engine, FRI), FRI, now=NOW) == 0
    assert store_validations(engine, read_facts(engine, THU), THU, now=NOW) == 0, "a later session's verdicts stay"
    dim, own = ("DIM", "unknown", "not known: aum_usd"), ("OWN", "passes", "its type has no rules")
    passes = ("BIG", "passes", "aum_usd 90,000,000; expense_ratio 0.01")
    assert query(migrated_database_url, VERDICTS) == [passes, dim, own]
    update_equity_types(engine, aum(100), now=NOW)
    fails = ("BIG", "fails", "aum_usd 90,000,000 is below 100,000,000")
    assert query(migrated_database_url, VERDICTS) == [fails, dim, own]
    assert query(migrated_database_url, "SELECT DISTINCT type_version FROM symbol_validations ORDER BY 1") == [
        (1,),
        (3,),
    ]
    roll_back(engine, "ETF", ANN, now=NOW)
    assert query(migrated_database_url, VERDICTS) == [passes, dim, own]
    query(migrated_database_url, "UPDATE securities SET equity_type = 'NEW' WHERE name = 'Own'")
    store_validations(engine, read_facts(engine, FRI), FRI, now=NOW)
    kinds = "SELECT equity_type, type_version FROM symbol_validations WHERE ticker = 'OWN'"
    assert query(migrated_database_url, kinds) == [("OTHER", 1)]
    set_equity_type(engine, read_equity_types(engine)["SP"].model_copy(update={"equity_type": "NEW"}), ANN, now=NOW)
    assert query(migrated_database_url, kinds) == [("NEW", 1)]
    facts = read_facts(engine, FRI).sort("ticker").select("validation", "validation_reason").rows()
    assert facts == [passes[1:], dim[1:], own[1:]]
