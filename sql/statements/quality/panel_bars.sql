-- Printed bars of some securities between two sessions: one row per security, with a line per bar, parted by tabs. Many
-- small messages cost a reader more than the bars in them. By number of the security, so that the primary key is read in
-- its order.
SELECT b.security_id, count(*),
    convert_to(string_agg(
        concat_ws(E'\t', b.session - date '1970-01-01', b.ticker, b.open, b.high, b.low, b.close, b.volume),
        E'\n' ORDER BY b.session), 'UTF8')
FROM ohlcv_daily AS b
WHERE b.security_id = ANY (%(security_ids)s::bigint[]) AND b.session BETWEEN %(first)s AND %(last)s AND NOT b.is_fmv
GROUP BY b.security_id
ORDER BY b.security_id
