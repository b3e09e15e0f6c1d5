"""A key that somebody mistyped in the UI, among keys that are right."""

from tickstock_dagster_tests.defs.factory import FEW, Factory, failure_of


def test_a_mistyped_key_fails_by_name_and_keeps_no_other_ticker_back(factory: Factory) -> None:
    factory.instance.add_dynamic_partitions("tickers", [FEW[0], "APPL", *FEW[1:]])
    words = failure_of(factory.run("us_symbols", f"2026-11-19|{FEW[0]}", f"2026-11-20|{FEW[-1]}"))
    assert words == "No ticker list of the vendor has APPL: delete the key, or wait until the ticker is listed."
    right = {f"2026-11-{day}|{ticker}" for day in (19, 20) for ticker in FEW}
    assert factory.materialised("ohlcv_daily") == right
    stored = factory.rows("SELECT session || '|' || ticker FROM ohlcv_daily WHERE ticker = ANY(%s)", list(FEW))
    assert set(stored) == right
