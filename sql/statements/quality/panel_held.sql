-- Bars of some securities ($1, separated by commas) between two sessions ($2 to $3) that rules have set aside, where no
-- other is stored, the newest of each cell; without those that a person confirmed as wrong.
SELECT DISTINCT ON (q.security_id, q.session) q.security_id, q.session, q.ticker, (q.row ->> 'open')::float8 AS open,
    (q.row ->> 'high')::float8 AS high, (q.row ->> 'low')::float8 AS low, (q.row ->> 'close')::float8 AS close,
    (q.row ->> 'volume')::float8 AS volume
FROM quarantined_bars AS q
WHERE q.held AND q.session BETWEEN $2::date AND $3::date
    AND q.security_id = ANY (string_to_array($1::text, ',')::bigint[])
    AND NOT EXISTS (
        SELECT FROM ohlcv_daily AS b WHERE (b.security_id, b.session) = (q.security_id, q.session) AND NOT b.is_fmv)
    AND NOT EXISTS (
        SELECT FROM quality_anomalies AS a
        WHERE (a.security_id, a.session) = (q.security_id, q.session) AND a.state = 'confirmed')
ORDER BY q.security_id, q.session, q.quarantined_at DESC, q.quarantine_id DESC
