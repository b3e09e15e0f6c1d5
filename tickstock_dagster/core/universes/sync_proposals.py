"""Proposals of synchronisation tasks as JSON, for storage between a task and the synchronisation's application."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from tickstock_dagster.core.universes.synchronisation import Classified, Departure, Proposal


def proposals_to_json(proposals: Iterable[Proposal]) -> list[dict[str, Any]]:
    """Convert to JSON types, ordered by universe, without empty values."""
    return [
        {name: value for name, value in asdict(proposal).items() if name != "task" and value not in (None, (), {}, 0)}
        | ({"members": list(proposal.members)} if proposal.members is not None else {})
        for proposal in sorted(proposals, key=lambda one: one.universe)
    ]


def proposals_from_json(task: str, rows: Iterable[Mapping[str, Any]]) -> tuple[Proposal, ...]:
    """Read one task's proposals, as `proposals_to_json` wrote them."""
    return tuple(
        Proposal(
            universe=row["universe"],
            task=task,
            members=tuple(row["members"]) if "members" in row else None,
            joined=row.get("joined", 0),
            departures=tuple(Departure(**one) for one in row.get("departures", ())),
            rule_version=row.get("rule_version"),
            # JSON keys are always texts.
            reasons={int(security): why for security, why in row.get("reasons", {}).items()},
            evidence=row.get("evidence", {}),
            classified=tuple(Classified(**one) for one in row.get("classified", ())),
            figures={int(security): tuple(values) for security, values in row.get("figures", {}).items()},
        )
        for row in rows
    )
