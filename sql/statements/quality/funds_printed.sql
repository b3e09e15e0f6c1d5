-- Funds that are compared with something, on the sessions between two on which they printed.
SELECT b.security_id, b.session, b.ticker
FROM ohlcv_daily AS b
WHERE b.session BETWEEN $1::date AND $2::date AND NOT b.is_fmv
    AND b.security_id IN (SELECT s.security_id FROM securities AS s WHERE s.correlation_reference IS NOT NULL)
