-- Printed bars of a market on the sessions from $1 to $2; $3 is its MIC, $4 those of the markets outside the US, separated
-- by commas. Volumes as printed, with parts of shares.
SELECT b.ticker, b.session, b.open::float8, b.high::float8, b.low::float8, b.close::float8,
    coalesce(b.volume_printed, b.volume)::float8 AS volume
FROM ohlcv_daily AS b
JOIN securities AS s USING (security_id)
WHERE b.session BETWEEN $1::date AND $2::date AND NOT b.is_fmv
    AND in_market(s.primary_exchange, $3::text, string_to_array($4::text, ','))
