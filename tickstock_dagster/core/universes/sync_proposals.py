"""Proposals of synchronisation tasks as JSON, for the time between a task and their application."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from tickstock_dagster.core.universes.synchronisation import Classified, Departure, Proposal


def proposals_to_json(proposals: Iterable[Proposal]) -> list[dict[str, Any]]:
    """In JSON's own types, ordered by universe; what is empty is left out."""
    return [
        {name: value for name, value in asdict(proposal).items() if name != "task" and value not in (None, (), {}, 0)}
        | ({"members": list(proposal.members)} if proposal.members is not None else {})
        for proposal in sorted(proposals, key=lambda one: one.universe)
    ]


def proposals_from_json(task: str, rows: Iterable[Mapping[str, Any]]) -> tuple[Proposal, ...]:
    """What `proposals_to_json` wrote, of one task."""
    return tuple(
        Proposal(
            universe=row["universe"],
            task=task,
            members=tuple(row["members"]) if "members" in row else None,
            joined=row.get("joined", 0),
            departures=tuple(Departure(**one) for one in row.get("departures", ())),
            rule_version=row.get("rule_version"),
            # JSON has only texts for keys.
            reasons={int(security): why for security, why in row.get("reasons", {}).items()},
            evidence=row.get("evidence", {}),
            classified=tuple(Classified(**one) for one in row.get("classified", ())),
            figures={int(security): tuple(values) for security, values in row.get("figures", {}).items()},
        )
        for row in rows
    )
