-- The days between two ($1, $2) on which some securities ($3, separated by commas) have a bar or (with $4) a final gap:
-- 64 days from 1970-01-01 on are the bits of one number. One text with a line for each, since a row costs more to fetch.
SELECT string_agg(d.security_id || ',' || d.block || ',' || d.bits, E'\n') AS lines
FROM (
    SELECT c.security_id, (c.session - '1970-01-01'::date) >> 6 AS block,
        bit_or(1::bigint << ((c.session - '1970-01-01'::date) & 63)) AS bits
    FROM (
        SELECT security_id, session FROM ohlcv_daily WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
        UNION ALL
        SELECT security_id, session FROM bar_gaps WHERE session BETWEEN $1::date AND $2::date AND is_final
            AND $4::boolean) AS c
    WHERE c.security_id = ANY (string_to_array($3::text, ',')::bigint[])
    GROUP BY 1, 2) AS d
