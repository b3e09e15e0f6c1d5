"""`tickstock fingerprint`: a line for a person, a document for a script."""

from tickstock_dagster_tests.cli.office import Office


def test_the_document_and_the_lines_say_the_same(office: Office) -> None:
    document = office.tickstock("fingerprint", "--json").json
    lines = office.tickstock("fingerprint").out.splitlines()
    assert lines[-1] == document["sha256"]
    assert len(lines) - 1 == len(document["tables"]) > 8
    for line in lines[:-1]:
        sha, rows, table = line.split()
        assert document["tables"][table]["sha256"].startswith(sha)
        assert document["tables"][table]["rows"] == int(rows.replace(",", ""))


def test_a_row_more_is_another_fingerprint(office: Office) -> None:
    before = office.tickstock("fingerprint", "--json").json
    office.execute(
        "INSERT INTO market_calendar_overrides (calendar, session, action, reason, created_by, created_at) "
        "VALUES ('XNYS', '2026-11-19', 'remove', 'a test', 'tests', now())"
    )
    after = office.tickstock("fingerprint", "--json").json
    assert after["sha256"] != before["sha256"]
    changed = {table for table, found in after["tables"].items() if found != before["tables"][table]}
    assert changed == {"market_calendar_overrides"}
