SELECT 'constraint ' || wanted.name || ' is missing or not validated' AS what, 1 AS violations
FROM unnest(ARRAY[
    'ohlcv_daily_printed_or_fmv', 'ohlcv_daily_prices_positive', 'ohlcv_daily_high_not_below_low',
    'ohlcv_daily_open_inside', 'ohlcv_daily_close_inside', 'ohlcv_daily_volume_not_negative',
    'ohlcv_daily_volume_printed_near']) AS wanted (name)
WHERE NOT EXISTS (
    SELECT FROM pg_constraint AS c
    WHERE c.conrelid = 'public.ohlcv_daily'::regclass AND c.conname = wanted.name AND c.convalidated)
UNION ALL
(SELECT format(
    '%%s %%s: O %%s H %%s L %%s C %%s V %%s', b.ticker, b.session, coalesce(b.open::text, 'missing'),
    coalesce(b.high::text, 'missing'), coalesce(b.low::text, 'missing'), coalesce(b.close::text, 'missing'),
    coalesce(b.volume::text, 'missing')), 1
FROM ohlcv_daily AS b
WHERE b.session >= %(since)s AND NOT b.is_fmv
    AND NOT coalesce(
        b.low > 0 AND b.high >= b.low AND b.open BETWEEN b.low AND b.high AND b.close BETWEEN b.low AND b.high
        AND b.volume >= 0, false))
