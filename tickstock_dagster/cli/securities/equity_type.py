"""`tickstock equity-type`: showing the rules of equity types, their versions, and what other rules would do.

Changing them is in `cli.securities.equity_type_changes`.
"""

from typing import TYPE_CHECKING, Any

import click

from tickstock_dagster.cli.given_files import text_of
from tickstock_dagster.cli.securities.equity_type_changes import rollback, set_
from tickstock_dagster.cli.workspace import open_workspace, print_json
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.printable import counted, printable

if TYPE_CHECKING:
    from tickstock_dagster.adapters.securities.equity_type_store import TypeVersion
    from tickstock_dagster.core.quality.type_shadow import ShadowReport

_SHOWN = 20


@click.group(name="equity-type")
def command() -> None:
    """Show, validate, change, roll back and try out how each type of security is processed."""


command.add_command(set_)
command.add_command(rollback)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(*, as_json: bool) -> None:
    """List every type with its rules in force, the most urgent first."""
    from tickstock_dagster.adapters.securities.equity_type_store import read_equity_types, read_versions
    from tickstock_dagster.cli.tables import Column, print_table

    engine = open_workspace().engine
    types = read_equity_types(engine)
    newest = {one.equity_type: one for one in reversed(read_versions(engine))}
    if as_json:
        print_json([{**one.to_json(), "version": newest[code].version} for code, one in types.items()])
        return
    columns = [
        Column("type"),
        Column("version", right=True),
        Column("priority"),
        Column("level", right=True, leave_out=1),
        Column("followed"),
        Column("retries", right=True, leave_out=2),
        Column("rules", text=True, leave_out=4),
        Column("what it is", text=True, leave_out=3),
    ]
    rows = []
    for code, one in types.items():
        limits = one.processing_rules.validation_rules.model_dump(exclude_none=True)
        words = ", ".join(f"{name} {value:,.10g}" for name, value in {**limits, **one.quality}.items())
        level, retries = str(one.priority.level), str(one.retry_config.max_retries)
        version, followed = str(newest[code].version), str(one.update_frequency)
        rows.append((code, version, str(one.priority), level, followed, retries, words, one.title))
    print_table(columns, rows)


@command.command()
@click.argument("code")
@click.option(
    "--version", "number", type=click.IntRange(1, 2**31 - 1), help="A former version; the newest unless given."
)
@click.option("--json", "as_json", is_flag=True, help="Print the version with who made it and why.")
def show(*, code: str, number: int | None, as_json: bool) -> None:
    """Show the document of a type, as `set` takes it."""
    from tickstock_dagster.adapters.securities.equity_type_store import read_versions

    versions = {one.version: one for one in read_versions(open_workspace().engine, code)}
    if number is not None and number not in versions:
        raise BadInputError("--version", number, f"a version of {code}, from 1 to {max(versions)}")
    chosen = versions[number or max(versions)]
    if as_json:
        print_json(version_facts(chosen))
        return
    click.echo(printable(_heading(chosen)), err=True)
    print_json(dict(chosen.document))


@command.command()
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def history(*, code: str, as_json: bool) -> None:
    """Show every version of a type, the newest first: who made it, when, why, and what it changed."""
    from tickstock_dagster.adapters.securities.equity_type_store import read_versions
    from tickstock_dagster.cli.tables import Column, print_table

    versions = read_versions(open_workspace().engine, code)
    if as_json:
        print_json([version_facts(one) for one in versions])
        return
    former = {one.version: one for one in versions}
    columns = [
        Column("version", right=True),
        Column("since"),
        Column("by"),
        Column("changed", text=True),
        Column("why", text=True),
    ]
    rows = []
    for one in versions:
        before = former[one.former_version].document if one.former_version else {}
        changed = ", ".join(name for name, value in one.document.items() if before.get(name) != value)
        restored = f" (version {one.restores} again)" if one.restores else ""
        at = f"{one.changed_at:%Y-%m-%d %H:%M}"
        rows.append((str(one.version), at, one.by, f"{changed if before else 'all'}{restored}", one.reason))
    print_table(columns, rows, title=f"{code}: {counted(len(versions), 'version')}")


@command.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print the document as it would be stored.")
def validate(*, file: str, as_json: bool) -> None:
    """Check a document (a JSON file; - is stdin), without a store; `docs/equity_type.schema.json` says more."""
    from tickstock_dagster.core.quality.type_documents import document_of, object_of_text

    document = document_of(object_of_text("document", text_of("FILE", file)))
    if as_json:
        print_json(document.to_json())
        return
    click.echo(printable(f"{document.equity_type}: valid"))


@command.command()
@click.argument("code")
@click.argument("file")
@click.option("--sessions", type=click.IntRange(1, 252), default=5, show_default=True, help="How many closed sessions.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def shadow(*, code: str, file: str, sessions: int, as_json: bool) -> None:
    """Show what a document (a JSON file; - is stdin) would have done on the last sessions. Changes nothing."""
    from tickstock_dagster.adapters.quality.type_shadow import shadow as try_out
    from tickstock_dagster.core.quality.type_documents import document_of_text

    document = document_of_text(code, text_of("FILE", file))
    workspace = open_workspace()
    with workspace.reading() as read:
        report = try_out(read.engine, read.calendar, document, sessions=sessions, now=read.now())
    if as_json:
        print_json(report.as_json())
        return
    _print_shadow(report)


def version_facts(version: "TypeVersion") -> dict[str, Any]:
    """One version for scripts."""
    return {
        "equity_type": version.equity_type,
        "version": version.version,
        "former_version": version.former_version,
        "restores": version.restores,
        "by": version.by,
        "reason": version.reason,
        "run_id": version.run_id,
        "changed_at": version.changed_at.isoformat(),
        "document": dict(version.document),
    }


def _heading(one: "TypeVersion") -> str:
    restored = f", version {one.restores} again" if one.restores else ""
    since = f"{one.changed_at:%Y-%m-%d %H:%M} UTC"
    return f"{one.equity_type}, version {one.version}{restored}, {since} by {one.by}: {one.reason}"


def _print_shadow(report: "ShadowReport") -> None:
    from tickstock_dagster.cli.tables import Column, print_table

    span = f"{len(report.sessions)} sessions, {report.sessions[0]} to {report.sessions[-1]}"
    click.echo(f"{report.equity_type}, {span}: the rules differ for {report.symbols:,} symbols")
    if report.changes_nothing:
        click.echo("All would have been the same.")
        return
    for title, (heads, rows) in _shadow_tables(report).items():
        if not rows:
            click.echo(f"{title}: none would change")
            continue
        columns = [Column(name, right=name in _NUMBERS, text=name in ("why", "which")) for name in heads]
        more = f", the first {_SHOWN}" if len(rows) > _SHOWN else ""
        print_table(columns, rows[:_SHOWN], title=f"{title}: {len(rows):,} would change{more}")


_NUMBERS = ("sessions", "alerts now", "alerts then", "answers")

_Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def _shadow_tables(report: "ShadowReport") -> dict[str, _Table]:
    """Each part of a report as the heads of its columns and its rows."""
    verdicts = [(one.ticker, one.before, one.after, str(one.sessions), one.reason) for one in report.verdicts]
    alerts = [
        (str(one.session), one.rule, str(one.before), str(one.after), _names("+", one.more) + _names("−", one.fewer))
        for one in report.alerts
        if one.more or one.fewer
    ]
    units = [
        (one.kind, one.subject, str(one.first), str(one.last), str(one.before), str(one.after)) for one in report.units
    ]
    retries = [
        (one.ticker, str(one.session), str(one.answers), _minutes(one.before), _minutes(one.after))
        for one in report.retries
    ]
    return {
        "verdicts": (("symbol", "now", "then", "sessions", "why"), list(verdicts)),
        "alerts": (("session", "rule", "alerts now", "alerts then", "which"), list(alerts)),
        "units": (("kind", "subject", "from", "to", "now", "then"), list(units)),
        "retries": (("symbol", "session", "answers", "next now", "next then"), list(retries)),
    }


def _names(sign: str, tickers: tuple[str, ...]) -> str:
    return "".join(f"{sign}{ticker} " for ticker in tickers[:10]) + ("… " if len(tickers) > 10 else "")


def _minutes(wait: float | None) -> str:
    return "when settled" if wait is None else f"{wait:,.0f} min"
