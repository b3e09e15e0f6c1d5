-- Keep the former values of bars that this batch changes.
INSERT INTO bar_restatements (
    security_id, session, changed, old_open, old_high, old_low, old_close, old_volume, old_vwap, old_transactions,
    old_fmv, old_is_fmv, old_source, old_status, known_from, known_to)
SELECT
    b.security_id, b.session,
    array_remove(ARRAY[
        CASE WHEN b.open IS DISTINCT FROM s.open THEN 'open' END,
        CASE WHEN b.high IS DISTINCT FROM s.high THEN 'high' END,
        CASE WHEN b.low IS DISTINCT FROM s.low THEN 'low' END,
        CASE WHEN b.close IS DISTINCT FROM s.close THEN 'close' END,
        CASE WHEN b.volume IS DISTINCT FROM s.volume THEN 'volume' END,
        CASE WHEN b.vwap IS DISTINCT FROM s.vwap THEN 'vwap' END,
        CASE WHEN b.transactions IS DISTINCT FROM s.transactions THEN 'transactions' END,
        CASE WHEN b.is_fmv THEN 'is_fmv' END], NULL),
    b.open, b.high, b.low, b.close, b.volume, b.vwap, b.transactions, b.fmv, b.is_fmv, b.source, b.status,
    b.loaded_at, %(now)s
FROM stage_bars AS s
JOIN ohlcv_daily AS b USING (security_id, session)
WHERE (b.open, b.high, b.low, b.close, b.volume, b.vwap, b.transactions, b.is_fmv)
    IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume, s.vwap, s.transactions, false)
