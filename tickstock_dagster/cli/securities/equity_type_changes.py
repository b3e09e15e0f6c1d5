"""`tickstock equity-type set | rollback`: changing the rules of a type, each change a version with who and why."""

import click

from tickstock_dagster.cli.given_files import text_of
from tickstock_dagster.cli.typed import account
from tickstock_dagster.cli.workspace import open_workspace, print_json
from tickstock_dagster.core.errors import BadInputError


@click.command(name="set")
@click.argument("code")
@click.argument("file", required=False)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    help="Change one rule, path=value, several times if need be: retry_config.max_retries=5; null removes a threshold.",
)
@click.option("--reason", required=True, help="Why; kept with the version and published.")
@click.option("--by", help="Who decided it; the account's name unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def set_(*, code: str, file: str | None, rules: tuple[str, ...], reason: str, by: str | None, as_json: bool) -> None:
    """Put a document (a JSON file; - is stdin) or single rules of a type into force, as its next version.

    In force at the next unit of work of every process that runs; nothing is restarted. The same again changes nothing.
    """
    from tickstock_dagster.adapters.securities.equity_type_store import Author, put_in_force
    from tickstock_dagster.core.quality.type_documents import changes_of_rules, document_of_text

    if (file is None) == (not rules):
        raise BadInputError("equity-type set", "both" if rules else "neither", "one of FILE and --rule")
    author = Author(account("--by") if by is None else by, reason)
    document = document_of_text(code, text_of("FILE", file)) if file else None
    changes = changes_of_rules(rules)
    workspace = open_workspace()
    wanted = changes if document is None else document
    version, changed = put_in_force(workspace.engine, code, wanted, author, now=workspace.now())
    if as_json:
        print_json({"equity_type": code, "version": version, "changed": changed})
        return
    click.echo(f"{code}: version {version}" + (" is in force" if changed else ", as before; nothing was changed"))


@click.command()
@click.argument("code")
@click.option(
    "--to",
    "to",
    type=click.IntRange(1, 2**31 - 1),
    help="The version to restore; the one before the rules in force unless given.",
)
@click.option("--reason", required=True, help="Why; kept with the version and published.")
@click.option("--by", help="Who decided it; the account's name unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def rollback(*, code: str, to: int | None, reason: str, by: str | None, as_json: bool) -> None:
    """Put an earlier version's document of a type into force again, as a version of its own. Nothing is deleted."""
    from tickstock_dagster.adapters.securities.equity_type_store import Author, roll_back

    author = Author(account("--by") if by is None else by, reason)
    workspace = open_workspace()
    version = roll_back(workspace.engine, code, author, to=to, now=workspace.now())
    if as_json:
        facts = {"version": version.version, "restores": version.restores} if version else {}
        print_json({"equity_type": code, "changed": version is not None, **facts})
        return
    if version is None:
        click.echo(f"{code}: version {to} says what is in force; nothing was changed")
        return
    click.echo(f"{code}: version {version.version} is in force, with the rules of version {version.restores}")
