"""Rules of equity types are changed from the Launchpad as on the command line: whole, or with nothing written."""

from typing import Any

import dagster as dg
import pytest

from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster.adapters.securities.equity_type_store import read_equity_types, read_versions
from tickstock_dagster_tests.defs.factory import Factory, all_definitions

WRONG: tuple[dict[str, Any], ...] = (
    {"rules": ["priority=urgent"]},
    {"rules": []},
    {"rules": ["priority=low"], "to_version": 1},
    {"action": "REPLACE", "document": {"title": "no more than this"}},
    {"action": "REPLACE", "document": {"equity_type": "CS"}},
    {"action": "ROLL_BACK"},
    {"action": "ROLL_BACK", "rules": ["priority=low"], "to_version": 1},
    {"rules": ["priority=low"], "reason": " "},
    {"rules": ["priority=low"], "equity_type": "ETFS"},
)


def edit(factory: Factory, **config: Any) -> dg.ExecuteInProcessResult:
    given = {"equity_type": "ETF", "reason": "a test", **config}
    return (
        all_definitions()
        .resolve_job_def("edit_equity_type")
        .execute_in_process(
            instance=factory.instance,
            run_config={"ops": {"edit_rules": {"config": given}}},
            raise_on_error=False,
        )
    )


def test_rules_are_edited_in_the_launchpad(factory: Factory) -> None:
    before = fingerprint(factory.engine)
    assert [wrong for wrong in WRONG if edit(factory, **wrong).success] == []
    assert fingerprint(factory.engine) == before
    with pytest.raises(dg.DagsterInvalidConfigError):
        edit(factory, action="DELETE")
    result = edit(factory, rules=["priority=low", "retry_config.max_retries=7"])
    assert result.success
    etf = read_equity_types(factory.engine)["ETF"]
    assert (etf.priority, etf.retry_config.max_retries) == ("low", 7)
    assert edit(factory, action="ROLL_BACK").success
    document = read_equity_types(factory.engine)["ETF"].changed({"title": "Funds"}).to_json()
    assert edit(factory, action="REPLACE", document=document, by="ann").success
    found = [(one.version, one.restores, one.by) for one in read_versions(factory.engine, "ETF")]
    assert found == [(4, None, "ann"), (3, 1, "Launchpad"), (2, None, "Launchpad"), (1, None, "tickstock")]
    assert read_versions(factory.engine, "ETF")[2].run_id == result.run_id
    assert len(factory.events("tickstock.equity.type_rolled_back")) == 1
