"""Equity types in the store: the seed is valid, a change is whole or not at all, and the table itself says no."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.adapters.securities.equity_type_store import (
    add_equity_type,
    read_equity_types,
    update_equity_types,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.priority import Priority
from tickstock_dagster.core.securities.equity_classes import _BY_CODE
from tickstock_dagster.core.securities.equity_types import EquityType, UpdateFrequency
from tickstock_dagster_tests.adapters.store_helpers import NOW, as_role, query


def test_the_seed_holds_every_type_code_that_has_a_class(migrated_database_url: str) -> None:
    types = read_equity_types(open_engine(migrated_database_url))
    assert set(types) == set(_BY_CODE)
    assert next(iter(types)) == "ETF"
    etf = types["ETF"]
    assert (etf.priority, etf.update_frequency) == (Priority.CRITICAL, UpdateFrequency.REALTIME)
    assert etf.processing_rules.data_sources == ("massive", "fund_provider")
    limits = etf.processing_rules.validation_rules
    assert (limits.aum_minimum, limits.volume_threshold, limits.expense_ratio_max) == (50_000_000, 100_000, 0.02)
    assert (etf.retry_config.max_retries, etf.retry_config.backoff_multiplier) == (3, 2)
    assert (etf.performance_targets.processing_time_ms, etf.performance_targets.success_rate) == (500, 99.5)
    assert types["WARRANT"].update_frequency is UpdateFrequency.EOD
    assert types["CS"].processing_rules.validation_rules.aum_minimum is None


def test_levels_of_the_store_are_those_of_the_enum(migrated_database_url: str) -> None:
    rows = query(migrated_database_url, "SELECT DISTINCT priority, priority_level FROM equity_types")
    assert set(rows) == {(str(one), one.level) for one in Priority}


def test_consumers_read_the_older_name_and_change_nothing(migrated_database_url: str) -> None:
    [row] = as_role(
        migrated_database_url,
        "tickstock_app",
        "SELECT priority_level, processing_rules ->> 'update_frequency', retry_config -> 'max_retries', "
        "pg_typeof(last_updated)::text FROM equity_types_enhanced WHERE equity_type = 'ETF'",
    )
    assert row == (1, "realtime", 3, "timestamp with time zone")
    assert as_role(migrated_database_url, "tickstock_app", "SELECT count(*) FROM equity_types") == [(25,)]
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(migrated_database_url, "tickstock_app", "UPDATE equity_types SET priority = 'low'")


def test_each_change_is_told_with_what_was_and_what_is(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    change = {"ETF": {"retry_config": {"max_retries": 5}, "priority": "high"}}
    for hours in (0, 1):
        update_equity_types(engine, change, now=NOW + timedelta(hours=hours))
    with pytest.raises(BadInputError):
        update_equity_types(engine, {"CS": {"priority": "low"}, "ETF": {"priority": "?"}}, now=NOW)
    before = {"priority": "critical", "retry_config": {"max_retries": 3, "backoff_multiplier": 2.0}}
    after = {"priority": "high", "retry_config": {"max_retries": 5, "backoff_multiplier": 2.0}}
    told = "SELECT channel, subject, event -> 'data' FROM outbox WHERE channel = 'tickstock.config.updated'"
    assert query(migrated_database_url, told) == [
        (
            "tickstock.config.updated",
            "equity_types/ETF",
            {
                "config": "equity_types",
                "key": "ETF",
                "changed": ["priority", "retry_config"],
                "before": before,
                "after": after,
                "version": 2,
                "former_version": 1,
                "by": "tickstock",
                "reason": "changed by a program",
            },
        )
    ]
    new = {**read_equity_types(engine)["SP"].to_json(), "equity_type": "NEW"}
    add_equity_type(engine, new, now=NOW)
    told = "SELECT event #> '{data,before}', event #>> '{data,after,update_frequency}' FROM outbox WHERE subject = %s"
    assert query(migrated_database_url, told, ("equity_types/NEW",)) == [(None, "eod")]


def test_a_change_is_read_at_once_and_twice_is_once(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    change: dict[str, dict[str, Any]] = {"ETF": {"retry_config": {"max_retries": 5}}, "CS": {"update_frequency": "eod"}}
    assert update_equity_types(engine, change, now=NOW) == ("ETF", "CS")
    types = read_equity_types(engine)
    assert types["ETF"].retry_config.max_retries == 5
    assert types["CS"].update_frequency is UpdateFrequency.EOD
    before = fingerprint(engine)
    assert update_equity_types(engine, change, now=NOW + timedelta(hours=1)) == ()
    assert fingerprint(engine) == before
    changed = "SELECT equity_type FROM equity_types WHERE last_updated = %s ORDER BY 1"
    assert query(migrated_database_url, changed, (NOW,)) == [("CS",), ("ETF",)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ETN": {"retry_config": {"max_retries": -1}}}, "ETN.retry_config.max_retries '-1' is not accepted"),
        ({"WARANT": {}}, "equity type 'WARANT' is not accepted: did you mean WARRANT?"),
    ],
)
def test_one_rule_that_cannot_be_leaves_all_of_them(
    migrated_database_url: str, wrong: dict[str, dict[str, Any]], words: str
) -> None:
    engine = open_engine(migrated_database_url)
    before = fingerprint(engine)
    with pytest.raises(BadInputError) as caught:
        update_equity_types(engine, {"ETF": {"priority": "low"}, **wrong}, now=NOW)
    assert words in str(caught.value)
    assert fingerprint(engine) == before


def test_a_new_code_is_added_once(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    new = {**read_equity_types(engine)["SP"].to_json(), "equity_type": "NEW", "title": "Something new"}
    add_equity_type(engine, new, now=NOW)
    assert read_equity_types(engine)["NEW"] == EquityType.from_json(new)
    with pytest.raises(BadInputError, match="'NEW' is not accepted: a code without a stored type"):
        add_equity_type(engine, new, now=NOW)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("update_frequency = 'hourly'", "update_frequency_known"),
        ("priority = 'urgent'", "priority_known"),
        ("""processing_rules = '{}'""", "processing_rules_shape"),
        ("""processing_rules = '[]'""", "processing_rules_shape"),
        ("""processing_rules = processing_rules || '{"data_sources": []}'""", "processing_rules_shape"),
        ("""processing_rules = processing_rules || '{"enrichment": 1}'""", "processing_rules_shape"),
        (
            """processing_rules = processing_rules || '{"validation_rules": {"expense_ratio_max": 2.0}}'""",
            "expense_ratio_is_a_fraction",
        ),
        (
            """processing_rules = processing_rules || '{"validation_rules": {"aum_minimum": "50M"}}'""",
            "thresholds_not_negative",
        ),
        ("""retry_config = '{"max_retries": 3}'""", "retry_config_shape"),
        ("""retry_config = '{"max_retries": -1, "backoff_multiplier": 2}'""", "retry_config_shape"),
        (
            """performance_targets = '{"processing_time_ms": 500, "success_rate": 995}'""",
            "performance_targets_shape",
        ),
    ],
)
def test_the_table_refuses_what_our_code_would(migrated_database_url: str, change: str, constraint: str) -> None:
    with (
        pytest.raises(errors.CheckViolation) as caught,
        psycopg.connect(migrated_database_url, options="-c role=tickstock_writer") as connection,
    ):
        connection.execute(f"UPDATE equity_types SET {change} WHERE equity_type = 'ETF'".encode())  # noqa: S608
    assert caught.value.diag.constraint_name == f"equity_types_{constraint}"
