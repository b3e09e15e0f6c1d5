"""From which members the synchronisation of a session starts."""

import json
from datetime import timedelta

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.rule_edit import apply_rule, preview_rule
from tickstock_dagster.adapters.universes.sync_store import apply_staged
from tickstock_dagster.core.universes.rules import Rule
from tickstock_dagster_tests.adapters.universes.sync_world import FRI, NOW, delist, fill, members, stage_all


def test_a_rule_confirmed_for_a_session_is_where_its_synchronisation_starts(migrated_database_url: str) -> None:
    """Who left by it is neither counted as a drop nor brought back, and who joined is not undone."""
    url, engine = migrated_database_url, open_engine(migrated_database_url)
    fill(url)
    rule = Rule.from_json(
        json.dumps(
            {
                "title": "Some",
                "candidates": [{"field": "themes", "op": "contains", "value": "growth"}],
                "conditions": [{"field": "aum_usd", "op": ">", "value": 2_003_500_000}],
            }
        )
    )
    preview = preview_rule(engine, "growth", rule, FRI)
    assert (len(preview.left), len(preview.joined)) == (3, 4)
    apply_rule(engine, preview, reason="we test", run_id="cli", now=NOW)
    confirmed = members(url, "etf_growth")
    delist(url, "GRO4")
    for hour in (1, 2):
        stage_all(url, FRI)
        later = NOW + timedelta(hours=hour)
        done = apply_staged(engine, FRI, market="XNYS", accept_drops=(), run_id="run-1", now=later)
        assert done.written == (hour == 1)
        assert members(url, "etf_growth") == confirmed - {"GRO4"}
