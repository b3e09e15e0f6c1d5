-- Printed bars of some securities ($3, separated by commas) between two sessions, raw.
SELECT security_id, session, ticker, close::float8 AS close, volume
FROM ohlcv_daily
WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
    AND security_id = ANY (string_to_array($3::text, ',')::bigint[])
