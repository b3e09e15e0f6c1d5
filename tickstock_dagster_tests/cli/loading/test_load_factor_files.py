"""Raw prices with splits, dividends and renames beside them: adjusted prices, hand-overs of tickers, own tables."""

from datetime import date
from pathlib import Path

import pytest

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.cli.office import Answer, Office

CALENDAR = library_calendar("XNYS")
DAYS = CALENDAR.sessions(date(2014, 3, 24), date(2014, 4, 11))
HAND_OVER = date(2014, 4, 2)
"""The last day on which GOOG was class A."""

ADJUSTED = """
    SELECT b.ticker, b.session, b.close::float8, a.close::float8, a.total_return_close::float8, b.security_id
    FROM ohlcv_daily AS b JOIN ohlcv_daily_adjusted AS a USING (security_id, session) ORDER BY 6, 2"""


def price(key: str, day: date) -> float:
    """A raw close in cents: moves a little every day, and halves when the class was split."""
    base = {"googl": 1100.0, "goog": 560.0, "qqq": 88.0, "old.1": 3.0, "old": 40.0}[key]
    base += day.toordinal() % 7
    return round(base / 2 if key == "googl" and day > HAND_OVER else base, 2)


def printed(key: str, day: date) -> str | None:
    """The ticker of a security on a day."""
    if key == "googl":
        return "goog" if day <= HAND_OVER else "googl"
    if key == "goog":
        return "goocv" if date(2014, 3, 27) <= day <= HAND_OVER else "goog" if day > HAND_OVER else None
    if key == "qqq":
        return "qqqq" if date(2014, 3, 28) <= day <= date(2014, 4, 4) else "qqq"
    if key == "old.1":
        return "old" if day <= date(2014, 3, 28) else None
    return "old" if day >= date(2014, 4, 7) else None


MAPS = {
    "googl": "20040819,goog\n20140402,goog\n20501231,googl\n",
    "goog": "20140327,goocv\n20140402,goocv\n20501231,goog\n",
    "qqq": "19990310,qqq\n20140327,qqq\n20140404,qqqq\n20501231,qqq\n",
    "old.1": "20000103,old\n20140328,old\n",
    "old": "20140407,old\n20501231,old\n",
}
FACTORS = {
    "googl": "20040819,1,0.5\n20140402,1,0.5\n20501231,1,1\n",
    "qqq": "19990310,0.9741588,1,0\n20140327,0.9741588,1,88\n20140403,0.9890123,1,88\n20501231,1,1,0\n",
    "old.1": "20000103,0.95,0.1428571\n20140325,0.95,0.1428571\n20140326,0.95,1\n20501231,1,1\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Zips of raw prices, one for each printed ticker, with map and factor files."""
    rows: dict[str, list[str]] = {}
    for key in MAPS:
        for day in DAYS:
            if ticker := printed(key, day):
                cents = round(price(key, day) * 10_000)
                line = f"{day:%Y%m%d} 00:00,{cents},{cents + 100},{cents - 100},{cents},1000000"
                rows.setdefault(ticker, []).append(line)
    for kind, files in (("daily", {t: "\n".join(sorted(r)) for t, r in rows.items()}), ("map_files", MAPS),
                        ("factor_files", FACTORS)):  # fmt: skip
        (tmp_path / kind).mkdir()
        for name, text in files.items():
            (tmp_path / kind / f"{name}.csv").write_text(text)
    return tmp_path


def load(office: Office, folder: Path, *arguments: str) -> Answer:
    beside = ("--listings", str(folder / "map_files"), "--actions", str(folder / "factor_files"))
    span = ("--from", str(DAYS[0]), "--to", str(DAYS[-1]))
    return office.tickstock("load", *arguments, *span, "--source", f"files:{folder / 'daily'}", *beside)


def factors(key: str, day: date) -> tuple[float, float]:
    """The price and split factor in force on a day."""
    rows = [line.split(",") for line in FACTORS.get(key, "20501231,1,1").split()]
    return next((float(price), float(split)) for until, price, split, *_ in rows if f"{day:%Y%m%d}" <= until)


def test_adjusted_prices_are_those_of_the_factor_files_hand_overs_included(office: Office, folder: Path) -> None:
    answer = load(office, folder, "--universe", "us_listed")
    assert answer.code == 0, answer.err
    expected = {
        (str(printed(key, day)).upper(), day): (price(key, day), key)
        for key in MAPS
        for day in DAYS
        if printed(key, day)
    }
    rows = office.rows(ADJUSTED)
    assert {(ticker, day) for ticker, day, *_ in rows} == expected.keys()
    owners: dict[int, set[str]] = {}
    for ticker, day, raw, adjusted, total, security in rows:
        given, key = expected[ticker, day]
        price_factor, split_factor = factors(key, day)
        assert raw == pytest.approx(given)
        assert adjusted == pytest.approx(given * split_factor, rel=1e-6), (key, day)
        assert total == pytest.approx(given * split_factor * price_factor, rel=1e-6), (key, day)
        owners.setdefault(security, set()).add(key)
    assert sorted(map(tuple, owners.values())) == [("goog",), ("googl",), ("old",), ("old.1",), ("qqq",)]
    assert office.rows("SELECT count(*) FROM bar_gaps") == [0]

    again = load(office, folder, "--universe", "us_listed")
    assert again.code == 0, again.err
    assert office.rows(ADJUSTED) == rows
    assert office.rows("SELECT count(*) FROM corporate_actions WHERE known_to IS NOT NULL") == [0]


def test_a_security_keeps_its_own_actions_where_bars_lack_and_tickers_pass_on(office: Office, folder: Path) -> None:
    """Of QQQQ there are no bars; OLD printed before, between and after its declared holders; NEW has no map."""
    (folder / "daily/qqqq.csv").unlink()
    days = [day for day in DAYS if printed("old", day) is None and printed("old.1", day) is None]
    lines = [f"{day:%Y%m%d} 00:00,900000,900000,900000,900000,100" for day in days]
    with (folder / "daily/old.csv").open("a") as file:
        file.write("\n" + "\n".join(lines))
    (folder / "factor_files/new.csv").write_text("20140325,0.5,1,1\n20501231,1,1,0\n")
    (folder / "map_files/heir.csv").write_text("20000103,new\n20140324,new\n20501231,heir\n")
    (folder / "daily/new.csv").write_text("20140324 00:00,500000,500000,500000,500000,100")

    answer = load(office, folder, "--universe", "us_listed")
    assert answer.code == 0, answer.err
    for ticker, day, raw, adjusted, total, _ in office.rows(ADJUSTED):
        key = next((key for key in MAPS if printed(key, day) == ticker.lower()), "")
        price_factor, split_factor = factors(key, day)
        assert adjusted == pytest.approx(raw * split_factor, rel=1e-6), (ticker, day)
        assert total == pytest.approx(raw * split_factor * price_factor, rel=1e-6), (ticker, day)
    unmapped = office.rows(
        "SELECT DISTINCT b.session FROM ohlcv_daily AS b WHERE b.ticker = 'OLD' AND b.close = 90 ORDER BY 1"
    )
    assert unmapped == days
    assert office.rows("SELECT count(DISTINCT security_id) FROM ohlcv_daily WHERE ticker = 'OLD'") == [3]
    assert office.rows("SELECT ticker, action, ex_date FROM unresolved_actions") == [
        ("NEW", "dividend", date(2014, 3, 26))
    ]


def test_one_symbol_brings_its_security_under_all_its_tickers(office: Office, folder: Path) -> None:
    answer = load(office, folder, "--symbols", "QQQ")
    assert answer.code == 0, answer.err
    assert f"{len(DAYS)} of {len(DAYS)} bars stored" in answer.out
    assert office.rows("SELECT DISTINCT ticker FROM ohlcv_daily ORDER BY 1") == ["QQQ", "QQQQ"]
    assert office.rows("SELECT count(DISTINCT security_id) FROM ohlcv_daily") == [1]


def test_own_tables_of_actions_and_renames_are_taken(office: Office, tmp_path: Path) -> None:
    days = DAYS[:5]
    bars = tmp_path / "bars.csv"
    prices = [100.0, 50.0, 50.0, 49.0, 49.0]
    lines = [
        f"{'FB' if n < 3 else 'META'},{day},{price},{price},{price},{price},100000"
        for n, (day, price) in enumerate(zip(days, prices, strict=True))
    ]
    bars.write_text("\n".join(["ticker,date,open,high,low,close,volume", *lines]) + "\n")
    (tmp_path / "names.csv").write_text(
        f"ticker,first,last,renamed_from,name\nFB,2012-05-18,,,Facebook\nMETA,{days[3]},,FB,Meta Platforms\n"
    )
    actions = tmp_path / "actions.csv"
    actions.write_text(f"ticker,ex_date,ratio,cash_amount\nMETA,{days[1]},3,\nMETA,{days[3]},,1.00\n")
    arguments = ("load", "--symbols", "META", "--from", str(days[0]), "--to", str(days[-1]),
                 "--source", f"files:{bars}", "--listings", "names.csv", "--actions", "actions.csv")  # fmt: skip
    assert office.tickstock(*arguments).code == 0
    header = "ticker,ex_date,split_from,split_to,cash_amount"
    actions.write_text(f"{header}\nMETA,{days[1]},1,2,\nMETA,{days[3]},,,1.00\n")
    answer = office.tickstock(*arguments)
    assert answer.code == 0, answer.err
    rows = office.rows(ADJUSTED)
    assert [row[0] for row in rows] == ["FB", "FB", "FB", "META", "META"]
    assert len({row[5] for row in rows}) == 1
    assert [row[3] for row in rows] == pytest.approx([50.0, 50.0, 50.0, 49.0, 49.0])
    assert [row[4] for row in rows] == pytest.approx([49.0] * 5)
    assert office.rows("SELECT name FROM securities") == ["Meta Platforms"]
    assert office.rows("SELECT count(*) FROM corporate_actions WHERE known_to IS NULL") == [2]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "actions",
            "ticker,ex_date,ratio\nAAA,2014-03-25,-2\n",
            "line 2, ratio: '-2' is not accepted: a number above 0",
        ),
        ("actions", "ticker,ex_date\nAAA,2014-03-25\n", "ticker and ex_date, with split_from and split_to"),
        ("actions", "ticker,ex_date,ratio\nAAA,25.3.2014,2\n", "line 2, column ex_date: '25.3.2014'"),
        ("actions", "20140325,0,1\n", "line 1: '20140325,0,1' is not accepted: a day as 20140606"),
        ("listings", "ticker,first\nAAA,2014-01-02\nAAA,2014-02-03\n", "days on which one security holds it"),
        ("listings", "ticker,first,renamed_from\nAAA,2014-01-02,BBB\n", "line 2, renamed_from: 'BBB' is not accepted"),
        ("listings", "2014,AAA\n", "a table with the columns ticker and first"),
        ("listings", "20140325\n", "line 1: '20140325' is not accepted: a day as 20140402 and the ticker"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_stored(
    office: Office, tmp_path: Path, name: str, text: str, words: str
) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text("ticker,date,open,high,low,close,volume\nAAA,2014-03-24,1,1,1,1,100000\n")
    (tmp_path / "beside.csv").write_text(text)
    span = ("--from", "2014-03-24", "--to", "2014-03-24")
    answer = office.tickstock("load", "--symbols", "AAA", *span, "--source", f"files:{bars}", f"--{name}", "beside.csv")
    assert answer.code == 2, answer.out
    assert words in answer.error
    assert office.untouched()
