"""Bad values for every option and argument of the command tree, by what each of them holds.

`cases_of` walks the tree, so that a new command is tried as soon as it is there. A parameter of which no kind is known
is an error of the table here: whoever adds an option says what is wrong for it.

Longer than 250 lines because the kinds, and what they go with, are one table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from tickstock_dagster.cli import cli
from tickstock_dagster.core.calendars.markets import ABROAD

Words = tuple[str, ...]

UNPRINTABLE = ("a\x00b", "a\nb", "a\tb", "\x1b[2J", "a\x7f", "a\u202eb", "a\u2066b", "a\udcffb", "\u2028")
"""NUL, line ends, orders to a terminal, turned directions of writing, and a byte that is no UTF-8."""

EVERYWHERE = ("", " ", "\t", "\u00a0", *UNPRINTABLE)
"""Refused for every option and every argument."""

HUGE = str(10**30)
LONG = "x" * 300
"""A name that no file can have: asking whether it exists is an error."""

DATES = ("0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "-1-01-01", "2024-02-30", "2024-13-01", "24-01-05",
         "2024111", "01/02/2025", "yesterday", "2024-W05-3", "2025-01-02T00:00:00", "1e20", "nan")  # fmt: skip
MOMENTS = ("soon", "24-01-05", "2024-02-30", "2024-01-01T25:00", "0001-01-01T00:00:00+14:00", "1e20", "nan")
NUMBERS = ("1e20", "1.5", "ten", "nan", "inf", "0x10", "--", "1,000")

VALUES: dict[str, Words] = {
    "count": ("0", "-1", HUGE, f"-{HUGE}", *NUMBERS),
    "seed": ("-1", HUGE, *NUMBERS),
    "limit": ("-1", HUGE, *NUMBERS),
    "port": ("0", "-1", "65536", "70000", HUGE, *NUMBERS),
    "port or free": ("-1", "65536", "70000", HUGE, *NUMBERS),
    "seconds": ("0", "-1", "nan", "inf", "-inf", "1e400", "1e20", "soon"),
    "date": DATES,
    "date without bounds": tuple(text for text in DATES if text not in ("0001-01-01", "9999-12-31")),
    "session": (*DATES, "2026-11-26", "2026-11-21", "2026-11-24", "1990-01-02"),
    "moment": MOMENTS,
    "moment with offset": (*MOMENTS, "2026-11-20", "2026-11-20T22:00:00"),
    "clock": ("25:00", "9", "noon", "13:60", "-1:00", "13:00:00", "1e20"),
    "hours": ("09:30", "16:00-09:30", "25:00-26:00", "open", "-", "09:30-", "09:30-09:30"),
    "profile": ("no_such", "DEV", "dev,patterns", "../dev"),
    "universe": ("no_such", "ETF_GROWTH", "etf_growth;DROP", "../x", "e" * 1000),
    "universes": ("no_such", ",", "top_100,", "top_100,no_such", "../x"),
    "universe to be made": ("My List", "UPPER", "../x", "1st", "x" * 1000, "a-b"),
    "ticker": ("^GSPC", "A B C", "VOD.L", "TOOLONGTICKERNAME", "BTC-USD", "'; DROP", "Ä"),
    "tickers": ("^GSPC", ",", ",,", "AAPL,^GSPC", "VOD.L", "NOSUCH", "AAPL,N/A", "Ä", "A" * 10_000),
    "symbols of a market": (LONG, "0", "-1", "5001", HUGE, "1e20", "no-such.csv", ".", "bytes.csv", "no_columns.csv",
                            "twice.csv", "short.csv"),
    "source": ("massiv", "files:", "files:no-such.csv", "http://host/", "files:bytes.csv", "files:empty",
               "files:text.txt", "files:twice.csv", "files:short.csv", "files:bars.csv?x=1", "files:bars.csv?ticker=",
               f"files:{LONG}", "files:~nobody-here/x.csv"),
    "date format": ("%d/%m", "%m/%d/%y", "MM/DD/YYYY", "%", "%Y-%m-%d-%Q"),
    "beside bars": (LONG, "no-such.csv", "bytes.csv", "empty", "text.txt", "twice.csv", "no_columns.csv", "bytes"),
    "bars": (LONG, "no-such.csv", "bytes.csv", "empty", "text.txt", "twice.csv", "short.csv", "no_columns.csv",
             "vast.csv", "~nobody-here/x.csv"),
    "market": ("no_such", "XTSE", "nyse exchange", "XNYS,XTKS", "'"),
    "text": (),
    "host": ("no such host", "999.1.1.1", "http://127.0.0.1"),
    "plan": ("gold", "Starter ", "starter,free"),
    "key": ("=starter", "key=gold"),
    "channel": ("no.such", "tickstock.eod", "TICKSTOCK.EOD.COMPLETE"),
    "stream": ("tickstock.events", "tickstock.eod.complete", "a string"),
    "dataset": ("no_such", "bars", "symbol_details,etf_profiles", "SYMBOL_DETAILS"),
    "equity type": ("no_such", "etf", "CS,ETF", "'; DROP", "A" * 1000),
    "event id": ("1", "not-an-id", "f" * 32, HUGE),
    "rule": (LONG, "no-such.json", ".", "bytes.json", "list.json", "text.txt", "deep.json", "nan.json",
             "nul.json"),
    "members": (LONG, "no-such.csv", ".", "bytes.csv", "empty.csv", "twice.csv", "short.csv", "long.csv",
                "no_columns.csv", "short_date.csv", "two_digits.csv"),
    "new file": (LONG, ".", "no-such-folder/out.csv", "bars.csv/out.csv"),
    "choice": ("no_such", "x,y"),
    "version": ("0", "-1", "99", HUGE, *NUMBERS),
    "venue": ("xnas", "NASDAQ", "NYSE,XNAS", "X AS"),
    "rule of a type": ("priority", "=1", "priority=urgent", "priority=", "a..b=1", "retry_config.max_retries=1.5",
                       "processing_rules.validation_rules.aum_minimum=much", "quality.price_move=NaN", "no.such=1",
                       "quality.no_such=1", "equity_type=CS", "processing_rules=1", "x" * 10_000),
    "finding": ("0", "-1", "1e3", HUGE, "no_such"),
}  # fmt: skip
"""Kind of value to what is wrong for it. Files are those of `make_files`."""

KINDS: dict[str, str] = {
    "--profile": "profile", "--universe": "universe", "universe": "universe", "--symbols": "tickers",
    "--add": "tickers", "--remove": "tickers", "ticker": "ticker", "--from": "date", "--to": "date", "--on": "date",
    "--session": "session", "day": "date", "--known-at": "moment with offset", "--since": "moment",
    "--until": "moment", "--now": "moment", "--close-at": "clock", "--open": "hours", "--source": "source",
    "--date-format": "date format", "--actions": "beside bars", "--listings": "beside bars", "--market": "market",
    "exchange": "market", "--title": "text", "--reason": "text", "--by": "text", "--channel": "channel",
    "--to-stream": "stream", "event_ids": "event id", "unit_id": "event id",
    "unit_ids": "event id", "--dataset": "dataset", "--type": "equity type",
    "--status": "choice", "--host": "host", "--plan": "plan", "--api-key": "key",
    "--symbol": "text", "--verdict": "choice", "--state": "choice", "finding": "finding",
    "--rule": "rule", "--bars": "bars", "--years": "count", "--months": "count", "--sessions": "count",
    "--gaps": "count", "--from-position": "count", "--count": "count", "--timeout": "seconds", "--port": "port",
    "code": "equity type", "--version": "version", "--venue": "venue",
    "--seed": "seed", "--heartbeat": "new file", "--details-limit": "limit", "--accept-drops": "universes",
}  # fmt: skip
"""Option or argument to the kind of its value, wherever it stands."""

SPECIAL: dict[tuple[str, str], str] = {
    ("status", "--by"): "choice",
    ("quality list", "--rule"): "choice",
    **{
        (f"quality {verb}", option): kind
        for verb in ("release", "confirm")
        for option, kind in (("--rule", "choice"), ("--since", "date"), ("--until", "date"))
    },
    ("simulator", "--port"): "port or free",
    ("simulator", "--symbols"): "symbols of a market",
    ("equity-type set", "--rule"): "rule of a type",
    ("equity-type set", "file"): "rule",
    ("equity-type validate", "file"): "rule",
    ("equity-type shadow", "file"): "rule",
    ("equity-type rollback", "--to"): "version",
    ("universe export", "file"): "new file",
    ("universe import", "file"): "members",
    ("universe import", "universe"): "universe to be made",
    ("universe set", "universe"): "universe to be made",
}
"""Command and parameter to a kind of its own."""

GOOD: dict[str, str] = {
    "code": "ETF", "universe": "mine", "exchange": "NYSE", "day": "2026-12-24", "ticker": "AAPL", "file": "members.csv",
    "event_ids": "00000000-0000-0000-0000-000000000000", "unit_id": "0" * 32,
    "unit_ids": "0" * 32, "finding": "1",
}  # fmt: skip
"""Values of required arguments beside the one that is tried."""

_SYMBOL, _RULE, _SINCE = ("--symbol", "AAPL"), ("--rule", "scale_break"), ("--since", "2026-11-02")
_OF_A_RANGE: dict[str, Words] = {
    "--symbol": (*_RULE, *_SINCE, "--reason", "a test"),
    "--rule": (*_SYMBOL, *_SINCE, "--reason", "a test"),
    "--since": (*_SYMBOL, *_RULE, "--reason", "a test"),
    "--until": (*_SYMBOL, *_RULE, *_SINCE, "--reason", "a test"),
    "--by": (*_SYMBOL, *_RULE, *_SINCE, "--reason", "a test"),
}

WITH: dict[tuple[str, str], Words] = {
    ("equity-type set", "code"): ("--rule", "priority=high", "--reason", "a test"),
    ("equity-type set", "--rule"): ("--reason", "a test"),
    ("equity-type set", "file"): ("--reason", "a test"),
    ("equity-type set", "--reason"): ("--rule", "priority=high"),
    ("equity-type set", "--by"): ("--rule", "priority=high", "--reason", "a test"),
    ("equity-type rollback", "code"): ("--reason", "a test"),
    ("equity-type rollback", "--to"): ("--reason", "a test"),
    ("equity-type rollback", "--by"): ("--to", "1", "--reason", "a test"),
    ("universe diff", "--to"): ("--from", "2026-11-02"),
    ("universe diff", "universe"): ("--from", "2026-11-02"),
    ("universe set", "--from"): ("--track",),
    ("universe set", "universe"): ("--symbols", "AAPL"),
    ("quality release", "finding"): ("--reason", "a test"),
    ("quality confirm", "finding"): ("--reason", "a test"),
    **{(f"quality {verb}", name): words for verb in ("release", "confirm") for name, words in _OF_A_RANGE.items()},
    ("calendar override", "--close-at"): ("--reason", "a test"),
    ("calendar override", "--open"): ("--reason", "a test"),
    ("calendar override", "exchange"): ("--closed", "--reason", "a test"),
    ("calendar override", "day"): ("--closed", "--reason", "a test"),
    ("events replay", "--until"): ("--from-position", "1"),
    ("events replay", "--channel"): ("--from-position", "1"),
    ("events replay", "--to-stream"): ("--from-position", "1"),
    ("events dispatch", "--heartbeat"): ("--follow",),
    ("events dead drop", "event_ids"): ("--yes",),
    ("queue drop", "unit_ids"): ("--reason", "a test"),
    ("queue retry", "--dataset"): ("--all",),
    **{
        (command, option): ("--symbols", "AAPL", "--source", "files:bars.csv")
        for command in ("load", "plan")
        for option in ("--date-format", "--actions", "--listings")
    },
    **{("simulator", option): ("--bars", "bars.csv") for option in ("--date-format", "--actions", "--listings")},
}
"""Command and parameter to further options without which the value would not be looked at."""

BY_HAND: tuple[Words, ...] = (
    ("load", "--symbols", "AAPL", "--profile", "dev"),
    ("load", "--symbols", "AAPL", "--universe", "mine"),
    ("load", "--symbols", "AAPL", "--from", "2026-11-20", "--to", "2026-11-02"),
    ("load", "--symbols", "AAPL", "--from", "2026-11-21", "--to", "2026-11-22"),
    ("load", "--symbols", "AAPL", "--from", "2026-11-02", "--years", "1"),
    ("load", "--symbols", "AAPL", "--years", "1", "--months", "1"),
    ("load", "--symbols", "AAPL", "--to", "2026-12-31"),
    ("load", "--symbols", "AAPL", "--date-format", "%m/%d/%Y"),
    ("load", "--symbols", "MSFT", "--source", "files:bars.csv"),
    ("load", "--ended"),
    ("plan", "--symbols", "AAPL", "--from", "2026-11-20", "--to", "2026-11-02"),
    ("plan", "--actions", "actions.csv"),
    ("status", "--sessions", "5", "--gaps", "0"),
    ("eod", "--market", "XTKS"),
    ("eod", "--market", "XTKS", "--reconcile"),
    ("eod", "--session", "2026-11-20", "--market", "no_such"),
    ("equity-type", "set", "ETF", "--reason", "a test"),
    ("equity-type", "set", "ETF", "rule.json", "--rule", "priority=high", "--reason", "a test"),
    ("equity-type", "set", "ETF", "--rule", "priority=high"),
    ("equity-type", "set", "ETF", "--rule", "priority=high", "--rule", "priority=low", "--reason", "a test"),
    ("equity-type", "rollback", "ETF", "--reason", "a test"),
    ("equity-type", "rollback", "ETF", "--to", "1"),
    ("universe", "diff", "mine"),
    ("universe", "diff", "mine", "--from", "2026-11-20", "--to", "2026-11-02"),
    ("universe", "diff", "mine", "--from", "2026-11-02", "--rule", "rule.json"),
    ("universe", "diff", "mine", "--rule", "rule.json"),
    ("universe", "set", "mine"),
    ("universe", "set", "mine", "--symbols", "AAPL", "--add", "MSFT"),
    ("universe", "set", "mine", "--symbols", "AAPL", "--rule", "rule.json"),
    ("universe", "set", "mine", "--from", "2026-11-02"),
    ("universe", "set", "mine", "--no-track", "--from", "2026-11-02"),
    ("universe", "set", "mine", "--remove", "AAPL,MSFT"),
    ("universe", "set", "mine", "--remove", "NVDA"),
    ("universe", "set", "mine", "--add", "NVDA", "--remove", "NVDA"),
    ("universe", "set", "mine", "--add", "NVDA,NVDA"),
    ("universe", "set", "no_such", "--add", "NVDA"),
    ("universe", "set", "no_such", "--track"),
    ("universe", "set", "mine", "--rule", "rule.json", "--yes"),
    ("universe", "import", "mine", "dated.csv"),
    ("universe", "import", "new_one", "unknown.csv"),
    ("calendar", "show", "NYSE", "--from", "2026-12-01", "--to", "2026-11-01"),
    ("calendar", "diff", "NYSE", "--from", "2026-12-01", "--to", "2026-11-01"),
    ("calendar", "override", "NYSE", "2026-12-24"),
    ("calendar", "override", "NYSE", "2026-12-24", "--closed"),
    ("calendar", "override", "NYSE", "2026-12-25", "--closed", "--reason", "a test"),
    ("calendar", "override", "NYSE", "2026-12-24", "--closed", "--withdraw", "--reason", "a test"),
    ("calendar", "override", "NYSE", "2026-12-24", "--closed", "--open", "09:30-13:00", "--reason", "a test"),
    ("calendar", "override", "NYSE", "2026-12-23", "--withdraw", "--reason", "a test"),
    ("quality", "show", "AAPL", "2026-11-20", "no_such"),
    ("quality", "show", "AAPL", "yesterday", "price_move"),
    ("quality", "show", "AAPL", "2026-11-20", "price_move"),
    ("quality", "show", "AAPL", "2026-11-20"),
    ("quality", "release", "1"),
    ("quality", "confirm", "1", "--reason", " "),
    ("quality", "release", "--reason", "a test"),
    ("quality", "release", "--symbol", "AAPL", "--rule", "scale_break", "--reason", "a test"),
    ("quality", "release", "1", "--since", "2026-11-02", "--reason", "a test"),
    ("quality", "release", "--symbol", "AAPL", "--rule", "scale_break", "--since", "2026-11-02", "--reason", "a test"),
    (
        "quality",
        "confirm",
        "--symbol",
        "AAPL",
        "--rule",
        "scale_break",
        "--since",
        "2026-11-20",
        "--until",
        "2026-11-02",
        "--reason",
        "a test",
    ),
    ("quality", "analyze", "NO_SUCH"),
    ("quality", "analyze", "AAPL", "--session", "2026-11-21"),
    ("events", "replay"),
    ("events", "replay", "--since", "2026-11-20", "--until", "2026-11-19"),
    ("events", "dispatch", "--heartbeat", "beat"),
    ("events", "dead", "retry"),
    ("events", "dead", "retry", "--all", "00000000-0000-0000-0000-000000000000"),
    ("simulator", "--date-format", "%m/%d/%Y"),
    ("simulator", "--actions", "actions.csv"),
    ("no_such",),
    ("universe", "no_such"),
    ("events", "dead", "no_such"),
)
"""What no table of single values finds: options that contradict one another, and names of nothing."""

VARIABLES: dict[str, Words] = {
    "TICKSTOCK_DATABASE_URL": ("", "host", "http://host/name", "postgresql://h:port/d", "postgresql://h:0/d"),
    "TICKSTOCK_DAGSTER_STORAGE_URL": ("", "host", "mysql://host/name", "postgresql://h:70000/d", "postgresql://h"),
    "TICKSTOCK_REDIS_URL": ("", "host:6379", "http://host:6379", "redis://h:port/0", "redis://h/zero"),
    "TICKSTOCK_STATE_DIR": (LONG, "", "bars.csv"),
    "MASSIVE_API_KEY": (" ", "a b", "ä"),
    "MASSIVE_BASE_URL": (" ", "api.massive.com", "ftp://h", "http://h:notaport", "http://"),
    "TICKSTOCK_SIMULATOR_URL": ("", "127.0.0.1:8089", "ftp://h", "http://h:70000"),
    "MASSIVE_PLAN": ("", "gold"),
    "MASSIVE_CALLS_PER_SECOND": (" ", "0", "-1", "101", "1e20", HUGE, "nan", "fast"),
    "TICKSTOCK_PROFILE": ("", "no_such"),
    "TICKSTOCK_SYMBOL_GRID_START": ("", "2025-02-30", "0001-01-01", "9999-12-31", "2.1.2025"),
    "TICKSTOCK_AUTOMATION": ("", "on"),
    "TICKSTOCK_NOW": (" ", "tomorrow", "2026-11-20", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"),
    "TICKSTOCK_KEEP_EVENTS_DAYS": ("", "0", "-1", "1e20", HUGE, "nan"),
    "TICKSTOCK_KEEP_VENDOR_CALLS_DAYS": ("", "0", "-1", "1e20", HUGE, "nan"),
    "TICKSTOCK_KEEP_FINISHED_WORK_DAYS": ("", "0", "-1", "1e20", HUGE, "nan"),
    "TICKSTOCK_QUEUE_PER_TYPE": ("", "0", "-1", "1e20", HUGE, "nan"),
    "TICKSTOCK_QUEUE_IN_ALL": ("", "0", "-1", "1e20", HUGE, "nan"),
    "TICKSTOCK_SMTP_HOST": (" ", "smtp://host", "two words"),
    "TICKSTOCK_SMTP_PORT": ("", "0", "65536", "smtp"),
    "TICKSTOCK_SMTP_SECURITY": ("", "ssl"),
    "TICKSTOCK_SMTP_USER": (" ",),
    "TICKSTOCK_SMTP_PASSWORD": (" ",),
    "TICKSTOCK_SMTP_CA_FILE": (LONG, " ", "no-such.pem", "empty"),
    "TICKSTOCK_MAIL_FROM": ("", "nobody", "a@b, c@d"),
    "TICKSTOCK_MAIL_TO": (" ", "nobody", "a@b;c@d", ",", "a@b,"),
    **{f"TICKSTOCK_FILES_{mic}": (" ", "bars.csv", "files:no-such.csv", "files:", f"files:{LONG}") for mic in ABROAD},
}
"""Variable to what is wrong for it; what is wrong for all of them comes on top."""

NOT_OURS = {
    "DAGSTER_HOME": "set by every command for the processes that it starts",
    "TICKSTOCK_DAGSTER_DIR": "set by every command for the processes that it starts",
    "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "set by every command for the processes that it starts",
    "DAGSTER_EVENT_BATCH_SIZE": "set by every command for the processes that it starts",
    "TICKSTOCK_REAL_DATA": "read by tests alone",
}
"""Variables of `.env.example` that no command reads, and why."""

NEEDS: dict[str, Words] = {
    **{f"TICKSTOCK_FILES_{mic}": ("eod", "--market", mic) for mic in ABROAD},
    "MASSIVE_API_KEY": ("plan", "--symbols", "AAPL"),
}
"""Variable to the command that reads it; others are read by every one."""


@dataclass(frozen=True)
class Parameter:
    """One option or argument of a command that takes a value."""

    command: str
    name: str
    argument: bool
    required: bool

    @property
    def kind(self) -> str | None:
        """What it holds; None where that is not said."""
        return SPECIAL.get((self.command, self.name)) or KINDS.get(self.name)


def commands(group: click.Command = cli, path: Words = ()) -> Iterator[tuple[Words, click.Command]]:
    """Every command that is no group, with its words."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield from commands(found, (*path, name))


def parameters(path: Words, command: click.Command) -> Iterator[Parameter]:
    """Those of a command that take a value."""
    for one in command.params:
        if isinstance(one, click.Option) and (one.is_flag or one.count):
            continue
        name = max(one.opts, key=len) if isinstance(one, click.Option) else str(one.name)
        yield Parameter(" ".join(path), name, isinstance(one, click.Argument), one.required)


def cases_of(path: Words, command: click.Command) -> Iterator[Words]:
    """Command lines of one command, each with one thing that is wrong."""
    takes = list(parameters(path, command))
    needed = [one for one in takes if one.argument and one.required]
    good = [GOOD[one.name] for one in needed]
    yield (*path, *good, "--no-such-option")
    if not any(one.argument for one in takes if one.name == "event_ids"):
        yield (*path, *(GOOD.get(one.name, "x") for one in takes if one.argument), "one-too-many")
    if needed:
        yield path
    for one in command.params:
        if isinstance(one, click.Option) and one.is_flag and not one.secondary_opts:
            yield (*path, *good, f"{one.opts[-1]}=x")
    for one in takes:
        if not one.argument:
            yield (*path, *good, one.name)
        others = WITH.get((one.command, one.name), ())
        for value in (*EVERYWHERE, *VALUES[str(one.kind)]):
            if one.argument:
                given = [value if name == one.name else GOOD[name] for name in _names(needed, one)]
                yield (*path, *others, "--", *given) if value.startswith("-") else (*path, *others, *given)
            else:
                yield (*path, *good, *others, f"{one.name}={value}")


def _names(needed: list[Parameter], tried: Parameter) -> list[str]:
    names = [one.name for one in needed]
    return names if tried.name in names else [*names, tried.name]


def make_files(folder: Path) -> None:
    """The files that the values name, right and wrong ones, in an empty folder."""
    header = "ticker,date,open,high,low,close,volume\n"
    row = "AAPL,2026-11-19,1,2,0.5,1.5,100\n"
    texts = {
        "bars.csv": header + row,
        "actions.csv": "ticker,ex_date,cash_amount\nAAPL,2026-11-19,1\n",
        "text.txt": "no table\n",
        "twice.csv": "ticker,ticker,first,ex_date,ratio\nAAPL,AAPL,2020-01-01,2020-01-01,2\n",
        "no_columns.csv": "a,b\n1,2\n",
        "short.csv": f"{header.strip()},start_date,end_date\nAAPL,2026-11-19\n",
        "long.csv": "ticker\nAAPL,MSFT\n",
        "vast.csv": header + "AAPL,2026-11-19,1,2,0.5,1.5,ten\n",
        "members.csv": "ticker\nAAPL\nMSFT\n",
        "unknown.csv": "ticker\nAAPL\nNOSUCH\n",
        "dated.csv": "ticker,start_date,end_date\nAAPL,2020-01-02,\n",
        "short_date.csv": "ticker,start_date,end_date\nAAPL,2024111,\n",
        "two_digits.csv": "ticker,start_date,end_date\nAAPL,24-01-05,\n",
        "empty.csv": "",
        "rule.json": '{"title": "none", "conditions": [{"fact": "price", "at_least": 1e300}]}',
        "list.json": "[1, 2]",
        "deep.json": "[" * 5000 + "]" * 5000,
        "nul.json": '{"title": "a\\u0000b", "pinned": ["AAPL"]}',
        "nan.json": '{"title": NaN, "top": Infinity}',
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("bytes.csv", "bytes.json"):
        (folder / name).write_bytes(b"ticker,first\n\xff\xfe\x00\n")
    (folder / "empty").mkdir()
    (folder / "bytes").mkdir()
    (folder / "bytes" / "aapl.csv").write_bytes(b"20140101,\xff\xfe,1\n")
