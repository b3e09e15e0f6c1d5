-- The same as `reading/bars`, and each security's factors as kept: the reader multiplies, and one snapshot has both.
SELECT g.security_id, g.bars, g.lines, f.ex_dates, f.split_factors::float8[], f.dividend_factors::float8[]
FROM (
    SELECT b.security_id, count(*) AS bars,
        convert_to(string_agg(
            concat_ws(E'\t', b.ticker, b.session - date '1970-01-01', b.open, b.high, b.low, b.close, b.volume),
            E'\n' ORDER BY b.session), 'UTF8') AS lines
    FROM ohlcv_daily AS b
    WHERE b.security_id = ANY (%(security_ids)s) AND b.session BETWEEN %(first)s AND %(last)s AND NOT b.is_fmv
    GROUP BY b.security_id) AS g
LEFT JOIN adjustment_factors AS f USING (security_id)
ORDER BY g.security_id
