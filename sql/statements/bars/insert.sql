-- Write the new bars. A stored one costs its share of an anti-join and no WAL. ON CONFLICT would look for every row by
-- itself and insert it provisionally, which is a third of the whole statement; nobody inserts bars meanwhile, for the
-- transaction holds their lock, and the primary key refuses whoever does it without. The batch's securities and span keep
-- the plan from reading the whole history, and on TimescaleDB all of its chunks.
INSERT INTO ohlcv_daily (
    security_id, session, ticker, closes_at, open, high, low, close, volume, vwap, transactions,
    source, status, loaded_at, volume_printed)
SELECT
    s.security_id, s.session, s.ticker, h.closes_at, s.open, s.high, s.low, s.close, s.volume, s.vwap,
    s.transactions, %(source)s, s.status, %(now)s, s.volume_printed
FROM stage_bars AS s
JOIN unnest(%(sessions)s::date[], %(closes)s::timestamptz[]) AS h (session, closes_at) USING (session)
WHERE NOT EXISTS (
    SELECT FROM ohlcv_daily AS b
    WHERE b.security_id = s.security_id AND b.session = s.session
        AND b.security_id = ANY (%(security_ids)s::bigint[]) AND b.session BETWEEN %(first)s AND %(last)s)
