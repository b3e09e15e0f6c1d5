-- The same questions as window functions: a rival of benchmarks.quality_rules, without context and without verdicts.
-- Parameters: the first session whose bars are judged, and the first one that is read.
WITH bars AS (
    SELECT
        b.security_id,
        b.session,
        b.open::float8 AS open,
        b.high::float8 AS high,
        b.low::float8 AS low,
        b.close::float8 AS close,
        b.volume::float8 / m.minutes AS rate
    FROM ohlcv_daily AS b
    JOIN bench_minutes AS m USING (session)
    WHERE b.session >= %(read_from)s
),
windows AS (
    SELECT
        *,
        lag(open) OVER w AS last_open,
        lag(high) OVER w AS last_high,
        lag(low) OVER w AS last_low,
        lag(close) OVER w AS last_close,
        -- No window function gives a moving median: it is that of the twenty bars before, gathered.
        array_agg(rate) OVER (w ROWS BETWEEN 20 PRECEDING AND 1 PRECEDING) AS before
    FROM bars
    WINDOW w AS (PARTITION BY security_id ORDER BY session)
),
measured AS (
    SELECT
        w.*,
        w.close / w.last_close - 1 AS move,
        w.open / w.last_close - 1 AS gap,
        w.high / w.low - 1 AS day_range,
        w.rate / u.usual AS busy
    FROM windows AS w
    LEFT JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r.rate) AS usual
        FROM unnest(w.before) AS r (rate)
    ) AS u ON TRUE
    WHERE w.session >= %(first)s
)
SELECT
    count(*) FILTER (WHERE abs(move) > 0.20) AS price_move,
    count(*) FILTER (WHERE abs(gap) > 0.20) AS open_gap,
    count(*) FILTER (WHERE day_range > 0.20) AS day_range,
    count(*) FILTER (WHERE busy > 5) AS volume_spike,
    count(*) FILTER (WHERE busy < 0.2) AS volume_drought,
    count(*) FILTER (
        WHERE (open, high, low, close) = (last_open, last_high, last_low, last_close)
    ) AS equal_bars
FROM measured
