import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.tickers import canonical_ticker
from tickstock_dagster.core.universes.profiles import ETFS, STOCKS


@pytest.mark.parametrize("written", ["BRK.B", "BRK-B", "BRK/B", "BRK B", " brk.b ", "brk-b"])
def test_every_spelling_of_a_share_class_is_one_ticker(written):
    assert canonical_ticker(written) == "BRK.B"


@pytest.mark.parametrize("ticker", ["BACpL", "ABCp", "ABCw", "ABCrw", "ABC.WS", "ABC.WS.A", "ABC.U", "7203", "A"])
def test_suffixes_that_mean_something_are_kept(ticker):
    assert canonical_ticker(ticker) == ticker


@pytest.mark.parametrize("ticker", ["NA", "NAN", "TRUE", "CON", "PRN", "NULL", "INF", "AUX"])
def test_tickers_that_look_like_other_things_stay_tickers(ticker):
    assert canonical_ticker(ticker) == ticker


@pytest.mark.parametrize(
    ("written", "market", "ticker"),
    [
        *((text, "XNYS", "BACpE") for text in ("BAC-PE", "BAC/PE", "BAC^E", "BAC$E", "BAC.PR.E", "BAC PRE", "BACpE",
                                               "bac-pe", "BAC_E", "BAC PR E")),
        ("Ibm", "XNYS", "IBM"), ("Ge", "XNYS", "GE"), ("aapl", "XNYS", "AAPL"), ("Brk.b", "XNYS", "BRK.B"),
        ("NA", "XNYS", "NA"), ("TRUE", "XNYS", "TRUE"), ("1E5", "XNYS", "1E5"), ("C_N", "XNYS", "CpN"),
        ("LEN.Bw", "XNYS", "LEN.Bw"), ("ABRpDCL", "XNYS", "ABRpDCL"), ("BAC-PR", "XNYS", "BACpR"),
        ("BAC/PR", "XNYS", "BACp"), ("ABC-WT", "XNYS", "ABC.WS"), ("ABC/WS/A", "XNYS", "ABC.WS.A"),
        ("ABC-UN", "XNYS", "ABC.U"), ("ABC-RI", "XNYS", "ABCr"), ("7203.xtks", "XNYS", "7203.XTKS"),
        ("BP.", "XLON", "BP."), ("BP.L", "XLON", "BP."), ("BT.A", "XLON", "BT.A"), ("BT-A.L", "XLON", "BT.A"),
        ("VOD.L", "XLON", "VOD"), ("vod.xlon", "XLON", "VOD"), ("7203.T", "XTKS", "7203"), ("130A", "XTKS", "130A"),
        ("SAP.DE", "XETR", "SAP"), ("AAPL.US", "XNYS", "AAPL"), ("aapl us", "XNYS", "AAPL"), ("US", "XNYS", "US"),
        ("BRK.B.US", "XNYS", "BRK.B"),
    ],
)  # fmt: skip
def test_every_spelling_is_one_ticker_of_its_market(written, market, ticker):
    assert canonical_ticker(written, market=market) == ticker
    assert canonical_ticker(ticker, market=market) == ticker


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("VOD.L", r"\.L marks XLON: its bars are read from TICKSTOCK_FILES_XLON, as VOD\.XLON"),
        ("7203.T", r"\.T marks XTKS: .* as 7203\.XTKS"),
        ("SAP.DE", r"\.DE marks XETR: "),
        ("AIR.PA", r"\.PA marks a market that is not served"),
        ("N/A", "this is no ticker"),
        ("BTC-USD", "this is no ticker"),
        ("^GSPC", "a ticker such as AAPL"),
        ("ES=F", "a ticker such as AAPL"),
    ],
)
def test_what_is_no_us_ticker_is_refused_with_a_hint(written, words):
    with pytest.raises(BadInputError, match=words):
        canonical_ticker(written)


@pytest.mark.parametrize(
    ("written", "market", "words"),
    [
        ("SAP.DE", "XLON", r"\.DE marks XETR: .* as SAP\.XETR"),
        ("7203.T", "XLON", r"\.T marks XTKS: "),
        ("AIR.PA", "XLON", r"\.PA marks a market that is not served"),
        ("VOD.L", "XTKS", r"\.L marks XLON: "),
    ],
)
def test_a_ticker_of_another_market_abroad_is_refused_with_a_hint(written, market, words):
    with pytest.raises(BadInputError, match=words):
        canonical_ticker(written, market=market)


@pytest.mark.parametrize("ticker", STOCKS + ETFS)
def test_the_profiles_are_written_canonically(ticker):
    assert canonical_ticker(ticker) == ticker


@pytest.mark.parametrize(
    "written",
    [
        "",
        "  ",
        ".",
        "BRK..B",
        "BRK.",
        ".B",
        "A/B?x",
        "A%2FB",
        "AAPL\n MSFT",
        "../x",
        "ABCDEFGHI",
        "ÄÄ",
        "NYSE:A",
        "A" * 40,
    ],
)
def test_what_is_no_ticker_is_refused_by_name(written):
    with pytest.raises(BadInputError, match=r"ticker .* is not accepted: a ticker such as AAPL"):
        canonical_ticker(written)


@pytest.mark.parametrize("value", [None, True, math.nan, 7203])
def test_a_value_that_is_not_text_is_refused_with_its_type(value):
    with pytest.raises(BadInputError, match=rf"symbol .*as text and not as {type(value).__name__}"):
        canonical_ticker(value, field="symbol")


@pytest.mark.parametrize("text", ["\u017fPY", "\uff33PY", "\u0405PY", "SPY\u200b"])
def test_letters_that_only_look_like_ours_are_refused(text):
    with pytest.raises(BadInputError):
        canonical_ticker(text)


@given(st.text(max_size=20))
def test_what_is_accepted_is_stable_and_safe_in_a_path(text):
    try:
        ticker = canonical_ticker(text)
    except BadInputError:
        return
    assert canonical_ticker(ticker) == ticker
    assert ticker.isascii()
    assert set(ticker) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.")
