"""Every fault of the vendor through a whole load: what the user sees, that nothing is lost, and that it heals."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tickstock_dagster.adapters.bars.load_values import LoadReport
from tickstock_dagster.adapters.sources.protocol import (
    MalformedAnswerError,
    NotEntitledError,
    NotPublishedYetError,
    OutOfHistoryError,
    RateLimitedError,
    UpstreamError,
    VendorError,
)
from tickstock_dagster.simulator.faults.catalogue import FAULTS
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.conftest import market, world  # noqa: F401 - fixtures
from tickstock_dagster_tests.adapters.load_helpers import BARS, FRIDAY_EVENING, SATURDAY, World, quick_source

pytestmark = pytest.mark.usefixtures("few_listed")

MON, TUE, WED, THU, FRI = (date(2026, 11, day) for day in (16, 17, 18, 19, 20))
FEW = "AAPL MSFT NVDA"
MANY = "AAPL MSFT NVDA AMZN GOOGL JPM XOM UNH TSLA AVGO LLY V MA HD PG COST JNJ WMT ABBV BAC"
STALL = 0.4


@dataclass(frozen=True)
class Case:
    """One fault on one kind of load.

    Attributes:
        fault: its name.
        given: its parameters.
        tickers: loaded from `first` to `last`: few go by range, many by session.
        failures: how many lines of the report say what failed.
        words: stands in each of them, and in the evidence of every gap of a failed unit.
        gaps: (ticker, session, reason); None: every cell that was asked for, with `reason`.
        quarantined: reasons of the rows set aside.
        evening: it is Friday an hour after the close, and not Saturday.
    """

    fault: str
    given: dict[str, Any] = field(default_factory=dict)
    tickers: str = FEW
    first: date = MON
    last: date = FRI
    failures: int = 0
    words: str = ""
    reason: str = "vendor_missing"
    gaps: tuple[tuple[str, date, str], ...] | None = ()
    quarantined: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    evening: bool = False

    def __str__(self) -> str:
        how = "range" if self.tickers == FEW else "grouped"
        return "-".join([self.fault, how, *(str(value) for value in self.given.values()), *(["late"] * self.evening)])


def failing(fault: str, words: str, **given: Any) -> list[Case]:
    """A fault that spoils every answer: one line a unit, and every cell explained by it."""
    return [
        Case(fault, given, failures=3, words=words, gaps=None),
        Case(fault, given, MANY, THU, failures=2, words=words, gaps=None),
    ]


CASES = [
    *failing("rate_limit_storm", "answered 429: You've exceeded the maximum requests per minute"),
    *failing("rate_limit_storm", "answered 429: You've exceeded", retry_after=0),
    *failing("server_error", "answered 502: a page titled '502"),
    *failing("server_error", "answered 503: a page titled '503", status=503),
    *failing("timeout", f"the vendor did not answer within {STALL:g} s", seconds=2 * STALL),
    *failing("connection_drop", "cannot be reached: "),
    *failing("cut_body", "the body is cut or not JSON"),
    *failing("cut_body", "its body was cut or garbled on the way", short=True),
    *failing("null_results", "the answer cannot be used: no results, and "),
    Case("empty_200", gaps=None, words="simulator's answer has no bar"),
    Case("empty_200", {}, MANY, THU, failures=2, words="has no bars at all for the session 2026-11-", gaps=None),
    Case("other_ticker", failures=3, words="an answer about 'ZZZZ' instead of ", gaps=None),
    Case(
        "other_ticker",
        {"ticker": "AAPL"},
        MANY,
        THU,
        gaps=(("AAPL", THU, "vendor_missing"), ("AAPL", FRI, "vendor_missing")),
        unresolved=("ZZZZ",),
    ),
    *failing("other_day", "a row of 2026-11-"),
    Case("duplicate_rows"),
    Case("duplicate_rows", {}, MANY, THU),
    Case(
        "contradicting_rows",
        {"ticker": "AAPL", "day": WED},
        gaps=(("AAPL", WED, "quarantined"),),
        quarantined=("two different rows for one session",) * 2,
    ),
    Case(
        "contradicting_rows",
        {"ticker": "AAPL", "day": THU},
        MANY,
        THU,
        gaps=(("AAPL", THU, "quarantined"),),
        quarantined=("two different rows for one session",) * 2,
    ),
    Case(
        "saturday_bar",
        {"ticker": "AAPL"},
        first=date(2026, 11, 12),
        last=WED,
        quarantined=("the date is not a session of XNYS",),
    ),
    Case(
        "saturday_bar",
        {"ticker": "AAPL"},
        failures=1,
        words="a row of 2026-11-21, outside 2026-11-16..2026-11-20",
        gaps=tuple(("AAPL", day, "vendor_missing") for day in (MON, TUE, WED, THU, FRI)),
    ),
    Case("late_day", {"day": FRI}, gaps=tuple((ticker, FRI, "vendor_missing") for ticker in FEW.split())),
    Case("late_day", {"day": FRI}, gaps=tuple((ticker, FRI, "vendor_late") for ticker in FEW.split()), evening=True),
    Case(
        "late_day",
        {"day": FRI},
        MANY,
        THU,
        failures=1,
        words="simulator has no bars at all for the session 2026-11-20",
        gaps=tuple((ticker, FRI, "vendor_late") for ticker in sorted(MANY.split())),
        evening=True,
    ),
    Case("missing_symbols", {"tickers": ("AAPL",)}, MANY, FRI, gaps=(("AAPL", FRI, "vendor_missing"),)),
    Case(
        "missing_symbols",
        {"tickers": ("AAPL", "JPM", "XOM")},
        MANY,
        FRI,
        failures=1,
        words="the answer lacks 3 of 20 expected bars",
        gaps=tuple((ticker, FRI, "vendor_missing") for ticker in ("AAPL", "JPM", "XOM")),
    ),
    Case(
        "half_applied_split",
        {"ticker": "MSFT", "day": TUE},
        gaps=(("MSFT", TUE, "quarantined"),),
        quarantined=("high is below low; open is outside [low, high]; close is outside [low, high]",),
    ),
    Case(
        "half_applied_split",
        {"ticker": "MSFT", "day": FRI},
        MANY,
        FRI,
        gaps=(("MSFT", FRI, "quarantined"),),
        quarantined=("high is below low; open is outside [low, high]; close is outside [low, high]",),
    ),
    Case(
        "out_of_history",
        failures=3,
        words="answered 403: Your plan doesn't include this data timeframe",
        reason="not_entitled",
        gaps=None,
    ),
    Case(
        "out_of_history",
        {},
        MANY,
        THU,
        failures=2,
        words="answered 403: Your plan doesn't include this data timeframe",
        reason="not_entitled",
        gaps=None,
    ),
    Case(
        "before_end_of_day",
        {"path": f"*/grouped/*/{FRI}"},
        MANY,
        THU,
        failures=1,
        words="answered 403: Attempted to request today's data before end of day",
        gaps=tuple((ticker, FRI, "vendor_late") for ticker in sorted(MANY.split())),
        evening=True,
    ),
    Case(
        "before_end_of_day",
        failures=3,
        words="answered 403: Attempted to request today's data before end of day",
        reason="vendor_late",
        gaps=None,
    ),
    Case("delayed_status"),
    Case("delayed_status", {}, MANY, THU),
]


def load(world: World, case: Case, **options: Any) -> LoadReport:  # noqa: F811 - the fixture's value
    return world.load(case.tickers, case.first, case.last, **options)


@pytest.fixture
def patient(world: World) -> World:  # noqa: F811
    """A world whose source waits for an answer only so long."""
    world.source = quick_source(world.simulator, read_timeout=STALL)
    return world


def once_each(cases: list[Case]) -> list[Any]:
    """Each fault once, by range and by session in turn; the other ways in which it comes take long, and are marked.

    Answers about a whole session need the whole market's symbols.
    """
    faults = list(dict.fromkeys(case.fault for case in cases))
    chosen = []
    for number, fault in enumerate(faults):
        ways = [case for case in cases if case.fault == fault]
        chosen.append(next((case for case in ways if (case.tickers == FEW) == (number % 2 == 0)), ways[0]))

    def marks(case: Case) -> list[pytest.MarkDecorator]:
        return [pytest.mark.slow] * (case not in chosen) + [pytest.mark.whole_market] * (case.tickers != FEW)

    return [pytest.param(case, id=str(case), marks=marks(case)) for case in cases]


@pytest.mark.parametrize("case", once_each(CASES))
def test_a_fault_is_seen_explained_and_healed(patient: World, case: Case) -> None:
    simulator = patient.simulator
    patient.load("AAPL", date(2026, 11, 2), date(2026, 11, 11))  # lists, and bars that have nothing to do with it
    before = patient.query(BARS)
    if case.evening:
        patient.now = FRIDAY_EVENING
        simulator.set_now(FRIDAY_EVENING)
    simulator.install(case.fault, **{"path": "*/aggs/*", **case.given})

    report = load(patient, case)
    stored = patient.query(BARS)

    assert len(report.failures) == case.failures
    assert all(case.words in line for line in report.failures)
    assert report.unresolved == case.unresolved
    asked = [(ticker, state.session) for ticker in case.tickers.split() for state in report.states]
    found = [(ticker, session, reason) for ticker, session, reason, _ in patient.gaps()]
    expected = case.gaps if case.gaps is not None else [(*cell, case.reason) for cell in asked]
    assert found == sorted(expected)
    if case.gaps is None:
        assert all(case.words in evidence for *_, evidence in patient.gaps())
    reasons = patient.query("SELECT reason FROM quarantined_bars ORDER BY quarantine_id")
    assert [reason for (reason,) in reasons] == list(case.quarantined)

    # Every cell is stored or explained, never both; what was stored before is there as it was.
    cells = {(ticker, session) for ticker, session, _ in stored}
    assert {cell for cell in asked if cell not in cells} == {(ticker, session) for ticker, session, _ in found}
    assert set(before) <= set(stored)
    assert sum(state.missing for state in report.states) == len(found)
    failed = patient.query("SELECT count(*) FROM work_units WHERE status IN ('retrying', 'dead')")
    assert failed == [(case.failures,)]

    simulator.clear_faults()
    patient.now = SATURDAY + timedelta(hours=1)
    simulator.set_now(patient.now)
    healed = load(patient, case, ask_again=True)
    assert healed.failures == ()
    assert sum(state.missing for state in healed.states) == 0
    assert patient.gaps() == []
    assert set(asked) <= {(ticker, session) for ticker, session, _ in patient.query(BARS)}
    assert set(stored) <= set(patient.query(BARS))
    unresolved = "SELECT count(*) FROM quarantined_bars WHERE resolved_at IS NULL AND reason NOT LIKE 'the date%%'"
    assert patient.query(unresolved) == [(0,)]
    simulator.reset_stats()
    assert load(patient, case).plan.calls == 0
    assert simulator.stats()["total"] == 0


@pytest.mark.parametrize(
    ("fault", "given"),
    [
        ("rate_limit_storm", {}),
        ("server_error", {}),
        ("connection_drop", {}),
        ("cut_body", {}),
        ("null_results", {}),
        ("timeout", {"seconds": 2 * STALL}),
    ],
)
def test_a_fault_that_passes_costs_calls_and_nothing_else(patient: World, fault: str, given: dict[str, Any]) -> None:
    patient.simulator.install(fault, times=2, path="*/aggs/*", **given)
    report = patient.load("AAPL", MON, FRI)
    assert (report.stored.inserted, report.failures, patient.gaps()) == (5, (), [])
    outcomes = [
        outcome for (outcome,) in patient.query("SELECT outcome FROM vendor_calls WHERE endpoint LIKE '%aggs%'")
    ]
    assert len(outcomes) == 3
    assert outcomes[-1] == "ok"
    assert set(outcomes[:2]).isdisjoint({"ok"})


def test_a_correction_by_the_vendor_overwrites_the_bar_and_keeps_the_former_one(world: World) -> None:  # noqa: F811
    world.simulator.install("replaced_day", day=FRI, ticker="AAPL", factor=1.01)
    world.load("AAPL", FRI, FRI)
    [(_, _, first)] = world.query(BARS)
    report = world.load(MANY, FRI, FRI)  # the whole day is read, AAPL's bar too
    assert (report.stored.restated, report.stored.unchanged) == (1, 0)
    [(changed, old)] = world.query("SELECT changed, old_close FROM bar_restatements")
    assert old == first
    assert {"open", "high", "low", "close"} <= set(changed)
    [(now,)] = world.query("SELECT close FROM ohlcv_daily WHERE ticker = 'AAPL'")
    assert float(now) == pytest.approx(float(first) * 1.01, abs=1e-3)


def test_an_endpoint_outside_the_plan_stops_the_load_and_explains_what_it_left(world: World) -> None:  # noqa: F811
    world.load("AAPL", MON, TUE)
    before = world.query(BARS)
    world.simulator.install("not_entitled", path="*/aggs/*")
    with pytest.raises(NotEntitledError, match="answered 403: You are not entitled to this data"):
        world.load(FEW, MON, FRI)
    assert world.query(BARS) == before
    assert {reason for *_, reason, _ in world.gaps()} == {"not_entitled"}
    assert len(world.gaps()) == 13
    world.simulator.clear_faults()
    healed = world.load(FEW, MON, FRI)
    assert (sum(state.missing for state in healed.states), world.gaps()) == (0, [])


def test_a_vendor_that_is_down_is_given_up_soon_and_the_rest_is_explained_too(world: World) -> None:  # noqa: F811
    world.simulator.install("server_error", path="*/aggs/*")
    world.simulator.reset_stats()
    report = world.load(MANY, date(2026, 10, 1), FRI, workers=1)
    calls = [call for call in world.simulator.stats(calls=True)["calls"] if "aggs" in call["path"]]
    assert len(calls) <= 3 * 7, "three attempts for each of the five, and of what was under way"
    assert "further units were not asked for, since 5 questions failed one after another" in report.failures[-1]
    expected = sum(state.expected for state in report.states)
    assert len(world.gaps()) == expected == sum(state.missing for state in report.states)
    assert {reason for *_, reason, _ in world.gaps()} == {"vendor_missing"}
    world.simulator.clear_faults()
    healed = world.load(MANY, date(2026, 10, 1), FRI)
    assert (healed.failures, world.gaps()) == ((), [])
    assert sum(state.stored for state in healed.states) == expected


@pytest.mark.parametrize(
    ("fault", "given", "error", "words"),
    [
        ("rate_limit_storm", {}, RateLimitedError, "list of active tickers on 2026-11-20: .*answered 429"),
        ("server_error", {}, UpstreamError, "list of active tickers on 2026-11-20: .*answered 502"),
        ("timeout", {"seconds": 2 * STALL}, UpstreamError, "did not answer within"),
        ("connection_drop", {}, UpstreamError, "cannot be reached"),
        ("cut_body", {}, MalformedAnswerError, "cut or not JSON"),
        ("null_results", {}, MalformedAnswerError, "no results"),
        ("empty_200", {}, MalformedAnswerError, "the list of active tickers on 2026-11-20 is empty"),
        ("not_entitled", {}, NotEntitledError, "not entitled"),
        ("out_of_history", {}, OutOfHistoryError, "timeframe"),
        ("before_end_of_day", {}, NotPublishedYetError, "before end of day"),
    ],
)
def test_a_ticker_list_that_does_not_come_stops_the_load_before_anything_is_changed(
    patient: World, fault: str, given: dict[str, Any], error: type[VendorError], words: str
) -> None:
    saturday = patient.now
    patient.now = datetime(2026, 11, 17, 23, tzinfo=UTC)
    patient.load("AAPL", MON, TUE)
    patient.now = saturday
    before = patient.tables()
    patient.simulator.install(fault, path="*/reference/tickers", **given)
    with pytest.raises(error, match=words):
        patient.load("AAPL MSFT", MON, FRI)
    assert patient.tables() == before
    told = patient.query("SELECT outcome FROM vendor_calls ORDER BY call_id DESC LIMIT 1")
    assert told == [(error.__name__ if fault != "empty_200" else "ok",)]
    patient.simulator.clear_faults()
    assert patient.load("AAPL MSFT", MON, FRI).stored.inserted == 8


def test_every_fault_of_the_simulator_is_loaded_through(request: pytest.FixtureRequest) -> None:
    text = request.path.read_text()
    tested = {case.fault for case in CASES} | {name for name in FAULTS if f'install("{name}"' in text}
    assert tested == set(FAULTS)


# -- secrets ----------------------------------------------------------------------------------------------------------

KEY = "hidden-vendor-key-0123456789"


@pytest.fixture
def keyed(migrated_database_url: str) -> Iterator[World]:
    """A vendor that knows one key, which no other text contains."""
    with RunningSimulator(now=SATURDAY, plan="advanced", rate=(100_000, 1), api_keys=(KEY,)) as simulator:
        found = World(simulator, migrated_database_url)
        found.source = quick_source(simulator, key=KEY, read_timeout=STALL)
        yield found


def test_no_secret_is_left_in_a_table_a_log_an_event_or_a_message(
    keyed: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    words: list[str] = []
    one_of_each = {(case.fault, case.tickers): case for case in CASES}
    for number, case in enumerate(one_of_each.values()):
        keyed.simulator.clear_faults()
        keyed.simulator.install(case.fault, **{"path": "*/aggs/*", **case.given})
        report = load(keyed, case, run_id=f"run-{number}", ask_again=True)
        words += [repr(report), *report.failures]
    for fault in ("not_entitled", "server_error"):
        keyed.simulator.clear_faults()
        keyed.simulator.install(fault)
        with pytest.raises(VendorError) as told:
            keyed.load("AAPL MSFT SPY", date(2026, 10, 1), date(2026, 10, 9), ask_again=True)
        words += [repr(told.value), str(told.getrepr(style="long", showlocals=False))]
    password = psycopg.conninfo.conninfo_to_dict(keyed.database_url)["password"]
    tables = keyed.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    for (table,) in tables:
        words += [str(row) for row in keyed.query(f"SELECT t::text FROM {table} AS t")]  # noqa: S608
    words += [repr(keyed.source), repr(keyed.loader()), repr(keyed.engine), caplog.text]
    assert "urllib3" in caplog.text, "logs are really looked at"
    assert keyed.query("SELECT count(*) FROM vendor_calls")[0][0] > 50
    for secret in (KEY, str(password)):
        assert not [text for text in words if secret in text]
