-- Cells that need no call: stored bars, final gaps, and (when $3) open gaps that are not due yet. Gaps that another
-- plan's history left are due ($5 begins such evidence, $6 is that of the plan in force). With $7 (refresh),
-- provisional bars and no_trade gaps do not count as settled. 64 days from 1970-01-01 on are the bits of one number.
-- One text with a line for each, grouped apart, as in settled_bits.
SELECT string_agg(d.security_id || ',' || d.block || ',' || d.bits, E'\n') AS lines
FROM (
    SELECT c.security_id, c.block, bit_or(c.bits) AS bits
    FROM (
        SELECT security_id, (session - '1970-01-01'::date) >> 6 AS block,
            bit_or(1::bigint << ((session - '1970-01-01'::date) & 63)) AS bits
        FROM ohlcv_daily
        WHERE session BETWEEN $1::date AND $2::date AND NOT is_fmv AND NOT ($7::boolean AND status = 'provisional')
        GROUP BY 1, 2
        UNION ALL
        SELECT security_id, (session - '1970-01-01'::date) >> 6 AS block,
            bit_or(1::bigint << ((session - '1970-01-01'::date) & 63)) AS bits
        FROM bar_gaps
        WHERE session BETWEEN $1::date AND $2::date
            AND ((is_final AND NOT ($7::boolean AND reason = 'no_trade')) OR ($3::boolean
                AND retry_at > $4::timestamptz AND NOT (reason = 'not_entitled'
                    AND starts_with(evidence, $5::text) AND evidence <> $6::text)))
        GROUP BY 1, 2) AS c
    GROUP BY 1, 2) AS d
