-- Each type's work units that ended between two moments, and how long a symbol took. A unit of a ticker is its type's. A call
-- for whole sessions has no type: its time is divided by the session's rows, and each type has its rows' share. Of a day with
-- more such calls than `most_shared`, as after a backfill, those that ended last count.
WITH ended AS MATERIALIZED (
    SELECT u.unit_id, u.kind, u.market, u.subject, u.equity_type, u.first_session, u.last_session, u.status, u.rows,
        u.elapsed_ms, u.finished_at
    FROM work_units AS u
    WHERE u.finished_at >= %(since)s AND u.finished_at < %(until)s AND u.status IN ('done', 'dead')),
own AS (
    SELECT coalesce(e.equity_type, p.equity_type, 'OTHER') AS equity_type, e.unit_id, 1 AS symbols, e.rows,
        e.elapsed_ms AS ms, e.status = 'done' AS good
    FROM ended AS e
    LEFT JOIN LATERAL newest_holder(e.subject) AS h ON e.equity_type IS NULL
    LEFT JOIN securities_processing AS p USING (security_id)
    WHERE e.subject <> '*'),
whole AS (
    SELECT e.* FROM ended AS e
    WHERE e.kind IN ('grouped', 'flat_file') AND e.status = 'done' AND e.rows > 0
    ORDER BY e.finished_at DESC, e.unit_id
    LIMIT %(most_shared)s),
by_type AS (
    SELECT w.unit_id, w.elapsed_ms, p.equity_type, count(*) AS symbols
    FROM whole AS w
    JOIN ohlcv_daily AS b ON b.session BETWEEN w.first_session AND w.last_session AND NOT b.is_fmv
    JOIN securities AS s USING (security_id)
    JOIN securities_processing AS p USING (security_id)
    WHERE in_market(s.primary_exchange, w.market, %(abroad)s::text[])
    GROUP BY w.unit_id, w.elapsed_ms, p.equity_type),
shared AS (
    SELECT b.equity_type, b.unit_id, b.symbols, b.symbols AS rows,
        b.elapsed_ms / sum(b.symbols) OVER (PARTITION BY b.unit_id) AS ms, true AS good
    FROM by_type AS b),
parts AS (
    SELECT * FROM own
    UNION ALL
    SELECT * FROM shared),
placed AS (
    SELECT p.*, sum(p.symbols) FILTER (WHERE p.ms IS NOT NULL) OVER (PARTITION BY p.equity_type ORDER BY p.ms) AS below,
        sum(p.symbols) FILTER (WHERE p.ms IS NOT NULL) OVER (PARTITION BY p.equity_type) AS measured
    FROM parts AS p)
SELECT t.equity_type, count(*)::integer, sum(p.symbols)::bigint, sum(p.rows)::bigint,
    (count(*) FILTER (WHERE NOT p.good))::integer,
    min(p.ms) FILTER (WHERE p.below >= 0.50 * p.measured), min(p.ms) FILTER (WHERE p.below >= 0.95 * p.measured),
    (100.0 * sum(p.symbols) FILTER (WHERE p.good) / sum(p.symbols))::double precision,
    (t.performance_targets ->> 'processing_time_ms')::double precision,
    (t.performance_targets ->> 'success_rate')::double precision
FROM placed AS p
JOIN equity_types AS t USING (equity_type)
GROUP BY t.equity_type, t.performance_targets
ORDER BY t.equity_type
