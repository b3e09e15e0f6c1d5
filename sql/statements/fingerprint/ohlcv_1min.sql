SELECT b.ticker, b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.transactions, b.fmv, b.is_fmv, b.source,
    b.status
FROM ohlcv_1min AS b
ORDER BY b.ticker COLLATE "C", b.ts
