"""The tickers and sessions of a load or plan, from the command line's options. Not a command.

Longer than 250 lines because the options, what they mean together and what they must not be stand in one place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import click
from dateutil.relativedelta import relativedelta

from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.loading.expectation import universe_tickers_between
from tickstock_dagster.adapters.securities.listing_store import read_intervals
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.universes.store import LISTED, listed_tickers
from tickstock_dagster.cli.loading.shipped import find_universe
from tickstock_dagster.cli.workspace import Workspace, parse_date, written_date
from tickstock_dagster.core.bars.file_options import with_options
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.loading.vendor_plans import HISTORY_START, PLANS
from tickstock_dagster.core.securities.tickers import canonical_ticker
from tickstock_dagster.core.universes.profiles import Profile, profile_named


@dataclass(frozen=True, slots=True)
class Selection:
    """What to load.

    Attributes:
        tickers: as printed today.
        sessions: closed ones, ascending.
        label: how they were chosen, for people.
        grain: symbols (loads `us/ohlcv_daily`) or sessions (loads `us/session_bars`).
        all_tracked: the tickers are all that is listed; once they are tracked, the run needs no list of them.
        universe: load its members as of each session; `tickers` are all that were a member on any of them.
        source: instead of the configured one.
        profile: the chosen profile, or the default one where nothing was chosen.
        joins_listed: the tickers are all of a file, and become members of us_listed where they are tracked.
    """

    tickers: tuple[str, ...]
    sessions: tuple[date, ...]
    label: str
    grain: str
    all_tracked: bool
    source: str | None
    profile: Profile | None = None
    universe: str | None = None
    joins_listed: bool = False

    def request(self, *, strict: bool = False) -> LoadRequest:
        """What to load, for `BarLoader`."""
        universes = (self.universe,) if self.universe else None
        return LoadRequest(self.tickers, self.sessions, universes=universes, strict=strict)


@dataclass(frozen=True, slots=True)
class SelectionOptions:
    """The options that choose what to load; None where they are not given.

    Attributes:
        universe: of the store or the release, or us_listed.
        symbols: tickers separated by commas.
        profile: its name.
        years: calendar years up to the last session.
        months: calendar months up to the last session.
        first: first date, YYYY-MM-DD.
        last: last date, YYYY-MM-DD.
        source: instead of the configured one.
        date_format: strptime's, of a file's dates.
        actions: path of a file's splits and dividends.
        listings: path of a file's listings and renames.
        ended: a file's series that stop early have ended.
    """

    universe: str | None = None
    symbols: str | None = None
    profile: str | None = None
    years: int | None = None
    months: int | None = None
    first: str | None = None
    last: str | None = None
    source: str | None = None
    date_format: str | None = None
    actions: str | None = None
    listings: str | None = None
    ended: bool = False

    @property
    def declared_source(self) -> str | None:
        """The source with what the options declare about its file.

        Raises:
            BadInputError: they declare something about a source that is no file.
        """
        declared = {
            "date-format": self.date_format,
            "actions": self.actions,
            "listings": self.listings,
            "ended": "yes" if self.ended else None,
        }
        given = next((name for name, value in declared.items() if value), None)
        if given and not (self.source or "").startswith("files:"):
            raise BadInputError(f"--{given}", declared[given], "with --source files:PATH, of which it speaks")
        return with_options(self.source, declared) if self.source else None


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options shared by `load` and `plan`."""
    for option in reversed(
        (
            click.option("--universe", help="Load a universe of cache_entries, or us_listed: everything listed."),
            click.option("--symbols", help="Load these symbols: AAPL,MSFT,BRK.B."),
            click.option("--profile", help="Load a development profile and track it."),
            click.option(
                "--years", type=int, help="This many calendar years up to the last session, and the close before."
            ),
            click.option("--months", type=int, help="This many calendar months up to the last session."),
            click.option("--from", "first", help="First date, YYYY-MM-DD."),
            click.option("--to", "last", help="Last date, YYYY-MM-DD; the latest closed session unless given."),
            click.option("--source", help="massive, simulator or files:PATH, instead of the configured one."),
            click.option("--date-format", help="Of a file: how its dates are written, as %m/%d/%Y."),
            click.option("--actions", help="Of a file: its splits and dividends, a table or a folder of factor files."),
            click.option("--listings", help="Of a file: its listings and renames, a table or a folder of map files."),
            click.option("--ended", is_flag=True, help="Of a file: series that stop before its last day have ended."),
        )
    ):
        command = option(command)
    return command


def select(workspace: Workspace, now: datetime, options: SelectionOptions) -> Selection:
    """Resolve the options. Writes nothing but the vendor's ticker lists that it needs to resolve a name.

    Raises:
        BadInputError: none or several of universe, symbols and profile; a span that is inverted, empty or given twice;
            a future date; an unknown name.
    """
    universe, symbols, profile, source = options.universe, options.symbols, options.profile, options.declared_source
    file = _file(workspace, source) if source else None
    chosen = [
        name for name, value in (("--universe", universe), ("--symbols", symbols), ("--profile", profile)) if value
    ]
    if len(chosen) > 1:
        raise BadInputError("selection", " ".join(chosen), "one of --universe, --symbols and --profile")
    calendar = workspace.calendar
    if not chosen:
        profile = workspace.settings.profile
    named = profile_named(profile) if profile else None
    since, years = calendar.first if file else HISTORY_START, PLANS[workspace.settings.massive_plan].history_years
    reaches_back = file is not None or (options.years or 0) < years
    sessions = _sessions(calendar, now, named, options, since=since, reaches_back=reaches_back)
    if named is not None:
        tickers = named.tickers if file is None else _held(file, named)
        return Selection(tickers, sessions, f"profile {named.name}", "symbols", False, source, named)
    if symbols:
        tickers = tuple(
            dict.fromkeys(canonical_ticker(part, "--symbols") for part in symbols.split(",") if part.strip())
        )
        if not tickers:
            raise BadInputError("--symbols", symbols, "tickers separated by commas")
        if file is None:
            _refuse_unknown(workspace, tickers, sessions, now, source)
        else:
            _refuse_absent(file, tickers)
        label = "1 symbol" if len(tickers) == 1 else f"{len(tickers)} symbols"
        return Selection(tickers, sessions, label, "symbols", False, source)
    assert universe is not None  # noqa: S101  # exactly one of the three is set
    label = f"universe {universe}"
    if universe == LISTED and file is not None:
        tickers = tuple(file.spans()["ticker"])
        return Selection(tickers, sessions, label, "sessions", False, source, joins_listed=True)
    if universe == LISTED:
        return Selection(_listed(workspace, sessions, now, source), sessions, label, "sessions", True, source)
    key = find_universe(workspace, universe, now, source)
    tickers = universe_tickers_between(workspace.engine, (key,), sessions[0], sessions[-1])
    if not tickers:
        span = f"{sessions[0]} to {sessions[-1]}"
        raise BadInputError("--universe", universe, f"one with members on {span} (`tickstock universe show {key}`)")
    return Selection(tickers, sessions, label, "sessions", False, source, universe=key)


def _file(workspace: Workspace, text: str) -> FileSource | None:
    """The source, if it is a file; all of it is read, so that what is malformed is refused before anything starts."""
    file = workspace.source(text)
    if not isinstance(file, FileSource):
        return None
    file.declared, file.actions  # noqa: B018
    if file.spans().is_empty():
        raise BadInputError("--source", text, "a file with at least one row of a session")
    return file


def _sessions(
    calendar: SessionCalendar,
    now: datetime,
    profile: Profile | None,
    options: SelectionOptions,
    *,
    since: date = HISTORY_START,
    reaches_back: bool = True,
) -> tuple[date, ...]:
    """The sessions of the span, which may not begin before `since`: the vendor's history, or a file's calendar.

    Years include the session on or before the same day that many years ago, unless the plan's history does not reach
    it (`reaches_back`).
    """
    years, months, first, last = options.years, options.months, options.first, options.last
    spans = [name for name, value in (("--years", years), ("--months", months), ("--from", first)) if value is not None]
    if len(spans) > 1:
        raise BadInputError("span", " ".join(spans), "one of --years, --months and --from")
    for name, value in (("--years", years), ("--months", months)):
        if value is not None and value < 1:
            raise BadInputError(name, value, "a number from 1")
    latest = calendar.latest_closed_session(now)
    end = parse_date("--to", last) if last else latest
    if end > latest and not (end <= now.astimezone(calendar.timezone).date() and not calendar.is_session(end)):
        raise BadInputError("--to", end, f"a date up to the latest closed session, {latest}")
    if first:
        begin = written_date("--from", first)
    elif (years or 0) * 12 + (months or 0) > 12 * (end.year - date.min.year):
        begin = date.min
    elif years or months:
        same_day = months_before(end, (years or 0) * 12 + (months or 0))
        begin = _with_close(calendar, same_day) if years and reaches_back else same_day + timedelta(days=1)
    elif profile and profile.days:
        begin = end - timedelta(days=profile.days - 1)
    else:
        begin = months_before(end, profile.months if profile and profile.months else 1) + timedelta(days=1)
    if begin < since:
        given = {"--from": first, "--years": years, "--months": months, "--to": last}
        option = next((name for name, value in given.items() if value), "--to")
        whose = "the vendor's history" if since == HISTORY_START else f"the calendar of {calendar.key}"
        raise BadInputError(option, given[option], f"a span that begins on {since} or later, as {whose} does")
    if begin > end:
        raise BadInputError("--from", begin, f"a date up to --to, {end}")
    sessions = tuple(day for day in calendar.sessions(begin, end) if day <= latest)
    if not sessions:
        raise BadInputError("span", f"{begin}..{end}", f"a span with a session of {calendar.key}; this one has none")
    return sessions


def _with_close(calendar: SessionCalendar, day: date) -> date:
    """The session on or before a day, from whose close the return since then counts; the next day without one."""
    close = calendar.sessions(max(calendar.first, day - timedelta(days=7)), max(calendar.first, day))
    return close[-1] if close else day + timedelta(days=1)


def months_before(day: date, months: int) -> date:
    """The same day `months` calendar months earlier; the month's last day where it has fewer."""
    earlier: date = day - relativedelta(months=months)
    return earlier


def _refuse_unknown(
    workspace: Workspace, tickers: tuple[str, ...], sessions: tuple[date, ...], now: datetime, source: str | None
) -> None:
    """Refuse tickers that no list of the vendor has, before anything is registered or launched."""
    sync = ListingSync(workspace.load_context(lambda: now, source))
    sync.ensure(tickers, sessions[0], sessions[-1], workspace.calendar.latest_closed_session(now))
    held = read_intervals(workspace.engine)["ticker"].to_list()
    unknown = sorted(set(tickers) - set(held))
    if unknown:
        raise BadInputError("--symbols", ", ".join(unknown), choices(unknown[0], held))


def _refuse_absent(file: FileSource, tickers: tuple[str, ...]) -> None:
    """Refuse tickers of which the file has no row; no list of a vendor is asked."""
    held = file.spans()["ticker"].to_list()
    if absent := sorted(set(tickers) - set(held)):
        raise BadInputError("--symbols", ", ".join(absent), f"tickers of {file.label}; {choices(absent[0], held)}")


def _held(file: FileSource, profile: Profile) -> tuple[str, ...]:
    """The tickers of a profile of which a file has rows; it says nothing about the others."""
    held = set(file.spans()["ticker"])
    tickers = tuple(ticker for ticker in profile.tickers if ticker in held)
    if not tickers:
        raise BadInputError("--source", file.label, f"a file with a ticker of the profile {profile.name}")
    return tickers


def _listed(workspace: Workspace, sessions: tuple[date, ...], now: datetime, source: str | None) -> tuple[str, ...]:
    """Everything that the vendor lists on the last session."""
    if not listed_tickers(workspace.engine, sessions[-1]):
        ListingSync(workspace.load_context(lambda: now, source)).observe(sessions[-1])
    return listed_tickers(workspace.engine, sessions[-1])
