-- Cells that are stored or explained for good, of some sessions ($1) and securities ($2): lists separated by commas.
SELECT security_id, session FROM ohlcv_daily
WHERE session = ANY (string_to_array($1::text, ',')::date[]) AND NOT is_fmv
    AND security_id = ANY (string_to_array($2::text, ',')::bigint[])
UNION ALL
SELECT security_id, session FROM bar_gaps
WHERE session = ANY (string_to_array($1::text, ',')::date[]) AND is_final
    AND security_id = ANY (string_to_array($2::text, ',')::bigint[])
