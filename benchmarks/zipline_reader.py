"""Zipline's adjusted reader on the bars and actions of a folder, run by an interpreter that has zipline-reloaded.

    PYTHON benchmarks/zipline_reader.py FOLDER

It wants other versions of pandas and SQLAlchemy than ours, hence an environment of its own. FOLDER holds `bars.npz`,
`splits.npz` and `dividends.npz` of `benchmarks.adjusted_prices`. Writing Zipline's own files is not measured; reading
is: the whole history of closes, adjusted for splits and dividends as of its last session. Prints for each reading:
its way, seconds, seconds of processor time, the number of values, their sum.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


class _Finder:
    """What the history asks of Zipline's database of assets: that the assets are complete."""

    def retrieve_all(self, assets: Any) -> Any:
        return assets


def told(way: str, began: float, spent: float, window: Any) -> None:
    print(way, time.perf_counter() - began, time.process_time() - spent, np.isfinite(window).sum(), np.nansum(window))


def main(folder: Path, scratch: Path) -> None:
    from zipline.assets import Equity, ExchangeInfo
    from zipline.data.adjustments import SQLiteAdjustmentReader, SQLiteAdjustmentWriter
    from zipline.data.bcolz_daily_bars import BcolzDailyBarReader, BcolzDailyBarWriter
    from zipline.data.history_loader import DailyHistoryLoader
    from zipline.pipeline.data import USEquityPricing
    from zipline.pipeline.domain import US_EQUITIES
    from zipline.pipeline.loaders import USEquityPricingLoader
    from zipline.utils.calendar_utils import get_calendar

    bars, splits, dividends = (dict(np.load(folder / f"{name}.npz")) for name in ("bars", "splits", "dividends"))
    frame = pd.DataFrame(bars).assign(session=lambda table: pd.to_datetime(table["session"]))
    calendar = get_calendar("XNYS")
    sessions = calendar.sessions_in_range(frame["session"].min(), frame["session"].max())
    sids = sorted(frame["security_id"].unique())

    def by_asset() -> Iterator[tuple[Any, Any]]:
        for sid, part in frame.groupby("security_id"):
            yield sid, part.drop(columns="security_id").set_index("session").reindex(sessions)

    writer = BcolzDailyBarWriter(str(scratch / "bars.bcolz"), calendar, sessions[0], sessions[-1])
    writer.write(by_asset(), assets=set(sids), invalid_data_behavior="ignore")
    reader = BcolzDailyBarReader(str(scratch / "bars.bcolz"))
    ex_dates = pd.to_datetime(dividends["ex_date"])
    paid = pd.DataFrame({"sid": dividends["security_id"], "amount": dividends["cash"]})
    for name in ("ex_date", "declared_date", "record_date", "pay_date"):
        paid[name] = ex_dates
    ratios = pd.DataFrame({"sid": splits["security_id"], "ratio": splits["ratio"]})
    ratios["effective_date"] = pd.to_datetime(splits["ex_date"])
    with SQLiteAdjustmentWriter(str(scratch / "adjustments.sqlite"), reader, overwrite=True) as adjustments:
        adjustments.write(splits=ratios, dividends=paid)

    loader = USEquityPricingLoader.without_fx(reader, SQLiteAdjustmentReader(str(scratch / "adjustments.sqlite")))
    # On each day it knows the session before: all closes are known from the second session to the day after the last.
    known = calendar.sessions_window(sessions[0], len(sessions) + 1)[1:]
    for _ in range(3):
        began, spent = time.perf_counter(), time.process_time()
        arrays = loader.load_adjusted_array(
            US_EQUITIES, [USEquityPricing.close], known, pd.Index(sids), np.ones((len(known), len(sids)), bool)
        )
        [array] = arrays.values()
        window = next(iter(array.traverse(len(known))))
        told("loader", began, spent, window)
    exchange = ExchangeInfo("XNYS", "XNYS", "US")
    assets = [Equity(sid, exchange, symbol=str(sid)) for sid in sids]
    for _ in range(3):
        began, spent = time.perf_counter(), time.process_time()
        adjustments = SQLiteAdjustmentReader(str(scratch / "adjustments.sqlite"))
        history = DailyHistoryLoader(calendar, reader, adjustments, _Finder(), sid_cache_size=len(sids))
        told("history", began, spent, history.history(assets, sessions, "close", is_perspective_after=False))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch_folder:
        main(Path(sys.argv[1]), Path(scratch_folder))
