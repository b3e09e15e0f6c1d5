"""What a load of bars did, as run metadata: numbers that the UI plots, tables, and the coverage picture."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from tickstock_dagster.adapters.bars.load_values import LoadReport
from tickstock_dagster.adapters.events.outbox import DispatchReport
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.defs.bars.coverage_picture import coverage_markdown
from tickstock_dagster.defs.bars.runs import BarRun

PREVIEW_ROWS = 10


def load_metadata(run: BarRun, report: LoadReport, sent: DispatchReport, *, tracking: str) -> dict[str, Any]:
    """A load's facts as run metadata: numbers that the UI plots, and the coverage picture.

    Args:
        run: the run, with store and source.
        report: what the load did.
        sent: what was sent of the outbox.
        tracking: what is tracked by the load, or stays tracked, in words.
    """
    stored, states = report.stored, report.states
    file = run.source if isinstance(run.source, FileSource) else None
    aside = [*file.summary, *file.rows_without_session(run.calendar)] if file else []
    expected, present = sum(s.expected for s in states), sum(s.stored for s in states)
    due = expected - sum(s.final for s in states)
    # What a person looks for comes first.
    metadata: dict[str, Any] = {
        "completeness": (present / due if due else 1.0) if states else None,
        "coverage": dg.MetadataValue.md(coverage_markdown(states)) if states else None,
        "gaps_by_reason": dg.MetadataValue.md(markdown_table(["reason", "bars"], report.gaps.items()))
        if report.gaps
        else None,
        "failures": _markdown_list(report.failures) if report.failures else None,
        "dead_units": _markdown_list(report.dead) if report.dead else None,
        "quarantined": _markdown_list(report.quarantined) if report.quarantined else None,
        "set_aside": _markdown_list(aside) if aside else None,
        "file": file.label if file else None,
        "tracking": tracking,
        "unknown_tickers": ", ".join(report.unknown[:50]) or None,
        "sessions": len(states),
        "bars_expected": expected,
        "bars_stored": present,
        "bars_explained": sum(s.final for s in states),
        "bars_missing": sum(s.missing for s in states),
        "rows_inserted": stored.inserted,
        "rows_restated": stored.restated,
        "rows_unchanged": stored.unchanged,
        "rows_quarantined": stored.quarantined,
        "rows_besides": report.besides,
        "rows_set_aside": file.rows_set_aside if file else None,
        "unresolved_tickers": len(report.unresolved),
        "source": run.source.name,
        "units_retrying": report.retrying or None,
        "vendor_calls": report.calls,
        "load_seconds": round(report.seconds, 3),
        "seconds_waiting_for_other_runs": round(report.phases.get("wait", 0.0), 1) or None,
        "events_sent": sent.sent,
        "events_waiting": sent.left,
    }
    return {key: value for key, value in metadata.items() if value is not None}


def session_metadata(state: Completeness | None) -> dict[str, Any]:
    """The numbers of one session of a range, which the UI plots by partition; None: nothing is expected on it."""
    if state is None:
        return {"dagster/partition_row_count": 0}
    return {
        "bars": f"{state.stored}/{state.expected}",
        "dagster/partition_row_count": state.stored,
        "bars_expected": state.expected,
        "bars_stored": state.stored,
        "bars_explained": state.final,
        "bars_missing": state.missing,
        "completeness": state.ratio,
    }


def _markdown_list(lines: Sequence[str]) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines[:PREVIEW_ROWS]))
