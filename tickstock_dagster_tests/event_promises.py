"""Whether events keep what `docs/events.md` says of them: every test's database is looked through at its end."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from tickstock_dagster.core.events.envelope import EVENTS, SOURCE
from tickstock_dagster_tests.kept_connections import run

FIELDS = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}

MOST = 2_000
"""Events of one database that are looked at, the first ones: some tests write a hundred thousand of one kind."""

ONCE = {
    "tickstock.eod.complete": lambda data: (data["market"], data["session"]),
    "tickstock.eod.status": lambda data: data["state"] == "overdue" and (data["market"], data["session"]),
    "tickstock.quality.data_stale": lambda data: (
        data["market"],
        data["symbol"],
        data["first_missing"],
        data["verdict"],
    ),
    "tickstock.quality.summary": lambda data: (data["market"], data["session"]),
}
"""What is published once only, and by what: a false value may come again."""


def broken_promises(envelopes: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each promise that an event breaks."""
    found, seen = [], Counter[Any]()
    for envelope in envelopes:
        found += [f"{envelope.get('type')} {envelope.get('subject')}: {words}" for words in _broken(envelope)]
        once = ONCE.get(envelope.get("type", ""))
        if once and (about := once(envelope["data"])):
            seen[envelope["type"], about] += 1
    return found + [
        f"{channel} {about}: published {times} times" for (channel, about), times in seen.items() if times > 1
    ]


def _broken(envelope: Mapping[str, Any]) -> list[str]:
    if envelope.keys() != FIELDS or envelope["type"] not in EVENTS:
        return [f"the envelope has {sorted(envelope)}, and type {envelope.get('type')!r}"]
    model, data = EVENTS[envelope["type"]], envelope["data"]
    given = {name: value for name, value in data.items() if name not in model.model_computed_fields}
    try:
        valid = model.model_validate(given)
        uuid.UUID(envelope["id"])
    except (ValidationError, ValueError) as error:
        return [str(error)]
    said = valid.model_dump(mode="json")
    checks = {
        "every field is there as the model writes it: run_id null outside of Dagster, computed ones computed": _plain(
            said
        )
        == _plain(data),
        "subject is as the model makes it": valid.subject == envelope["subject"],
        "time is UTC": envelope["time"].endswith("Z") and bool(datetime.fromisoformat(envelope["time"])),
        "source, specversion and datacontenttype are ours": (
            (envelope["source"], envelope["specversion"], envelope["datacontenttype"])
            == (SOURCE, "1.0", "application/json")
        ),
    }
    return [f"not so: {promise} ({data})" for promise, kept in checks.items() if not kept]


def _plain(value: Any) -> Any:
    """Numbers as jsonb keeps them: 1.0 is 1."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def look_through(database_url: str) -> list[str]:
    """The broken promises in a database's outbox; none where it has no outbox.

    What lacks even an envelope's first field is a placeholder, which a test has put there as a mere row.
    """
    [[there]] = run(database_url, "SELECT to_regclass('outbox') IS NOT NULL")
    if not there:
        return []
    query = "SELECT event FROM outbox WHERE event ? 'specversion' ORDER BY position LIMIT %s"
    return broken_promises(row[0] for row in run(database_url, query, [MOST]))
