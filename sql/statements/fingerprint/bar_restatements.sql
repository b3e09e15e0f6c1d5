SELECT s.ticker, r.session, r.changed, r.old_open, r.old_high, r.old_low, r.old_close, r.old_volume,
    r.old_volume_printed, r.old_vwap,    r.old_transactions, r.old_fmv, r.old_is_fmv, r.old_source, r.old_status
FROM bar_restatements AS r
JOIN ohlcv_daily AS s USING (security_id, session)
ORDER BY s.ticker COLLATE "C", r.session, r.restatement_id
