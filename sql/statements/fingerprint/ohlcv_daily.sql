SELECT b.ticker, b.session, b.closes_at, b.open, b.high, b.low, b.close, b.volume, b.volume_printed, b.vwap, b.transactions, b.fmv,
    b.is_fmv, b.source, b.status
FROM ohlcv_daily AS b
ORDER BY b.ticker COLLATE "C", b.session
