-- The days between two ($1, $2) on which some securities ($3, separated by commas; null: all) have a bar or (with $4) a
-- final gap: 64 days from 1970-01-01 on are the bits of one number. One text with a line for each, since a row costs more
-- to fetch; bars and gaps are grouped apart, since a row costs more to append than to group.
SELECT string_agg(d.security_id || ',' || d.block || ',' || d.bits, E'\n') AS lines
FROM (
    SELECT c.security_id, c.block, bit_or(c.bits) AS bits
    FROM (
        SELECT security_id, (session - '1970-01-01'::date) >> 6 AS block,
            bit_or(1::bigint << ((session - '1970-01-01'::date) & 63)) AS bits
        FROM ohlcv_daily
        WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv
            AND ($3::text IS NULL OR security_id = ANY (string_to_array($3::text, ',')::bigint[]))
        GROUP BY 1, 2
        UNION ALL
        SELECT security_id, (session - '1970-01-01'::date) >> 6 AS block,
            bit_or(1::bigint << ((session - '1970-01-01'::date) & 63)) AS bits
        FROM bar_gaps
        WHERE session BETWEEN $1::date AND $2::date AND is_final AND $4::boolean
            AND ($3::text IS NULL OR security_id = ANY (string_to_array($3::text, ',')::bigint[]))
        GROUP BY 1, 2) AS c
    GROUP BY 1, 2) AS d
