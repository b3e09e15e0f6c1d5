"""How data is partitioned: by sessions of the exchange, alone or with tickers, themes or universes.

Keys come from the pinned calendar library alone: changing them changes the definition's identity, and loading the
definitions must not touch a database. A session that an override cancels keeps its key; its run ends as market_closed.
`end_offset=1` makes a session's key exist on its own evening, and shows the *next* session on closed days: take the
latest session from the calendar, never from the last key.
"""

from datetime import date, datetime

import dagster as dg

from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import LAST_DAY, library_calendar
from tickstock_dagster.core.errors import ConfigurationError
from tickstock_dagster.core.loading.vendor_plans import HISTORY_START
from tickstock_dagster.core.universes.catalogue import THEMES
from tickstock_dagster.defs.session_windows import SessionPartitions, session_partitions
from tickstock_dagster.settings import load_settings

SESSIONS_START = HISTORY_START

TICKERS = "tickers"
"""Name of the dynamic partitions: tickers with a key in `us/ohlcv_daily`."""

UNIVERSES = "universes"
"""Name of the dynamic partitions: universes with a key in `universes/membership`."""

MAX_CELLS = 100_000
"""The most partitions that Dagster recommends for one asset."""

NEXT_SESSIONS = 252
"""A year of sessions to come, reserved for every ticker, so that the grid does not outgrow `MAX_CELLS`."""


def sessions_from(start: date) -> SessionPartitions:
    """One partition per session of XNYS from `start` on; keys are ISO dates."""
    return session_partitions(MARKET, start)


def grid_start() -> date:
    """First session of the session × ticker grid.

    Raises:
        ConfigurationError: the configured date is not a session.
    """
    text = load_settings().symbol_grid_start
    try:
        start = date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"TICKSTOCK_SYMBOL_GRID_START {text!r} is not a date") from None
    calendar = library_calendar(MARKET)
    if not SESSIONS_START <= start <= LAST_DAY or not calendar.is_session(start):
        raise ConfigurationError(f"TICKSTOCK_SYMBOL_GRID_START {text} is not a session of {MARKET}")
    return start


sessions = sessions_from(SESSIONS_START)
grid_sessions = sessions_from(grid_start())
tickers = dg.DynamicPartitionsDefinition(name=TICKERS)
session_tickers = dg.MultiPartitionsDefinition({"session": grid_sessions, "ticker": tickers})
themes = dg.StaticPartitionsDefinition(list(THEMES))
session_themes = dg.MultiPartitionsDefinition({"session": sessions, "theme": themes})
universes = dg.DynamicPartitionsDefinition(name=UNIVERSES)
session_universes = dg.MultiPartitionsDefinition({"session": grid_sessions, "universe": universes})


def free_ticker_keys(now: datetime, taken: int) -> int:
    """How many more tickers fit into the grid: keys × (sessions so far + the next 252) ≤ `MAX_CELLS`."""
    so_far = library_calendar(MARKET).session_count(grid_start(), now.date())
    return max(0, MAX_CELLS // (so_far + NEXT_SESSIONS) - taken)
