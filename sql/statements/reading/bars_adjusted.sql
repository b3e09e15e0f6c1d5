-- The same as `reading/bars`, adjusted for splits; and the close adjusted for dividends as well.
SELECT b.security_id, count(*),
    convert_to(string_agg(
        concat_ws(
            E'\t', b.ticker, b.session - date '1970-01-01', b.open, b.high, b.low, b.close, b.volume,
            b.total_return_close),
        E'\n' ORDER BY b.session), 'UTF8')
FROM ohlcv_daily_adjusted AS b
WHERE b.security_id = ANY (%(security_ids)s) AND b.session BETWEEN %(first)s AND %(last)s AND b.close IS NOT NULL
GROUP BY b.security_id
ORDER BY b.security_id
