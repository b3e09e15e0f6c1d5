-- Reported sessions by whose report something has changed since: a bar of the session or of the one before was corrected,
-- set aside, put back or came late; an action has taken effect on the session, or a split in the thirty days up to it. Of
-- what was reported on, nothing else counts. Each report of a session is as of one moment.
WITH days AS MATERIALIZED (
    SELECT d.day, d.before, r.reported_at
    FROM unnest(%(days)s::date[], %(before)s::date[]) AS d (day, before)
    CROSS JOIN LATERAL (SELECT q.reported_at FROM quality_reports AS q WHERE q.session = d.day LIMIT 1) AS r
), told AS MATERIALIZED (
    SELECT c.security_id, c.ex_date, c.action, greatest(c.known_from, c.known_to) AS at
    FROM corporate_actions AS c
    JOIN (
        SELECT e.day, min(d.reported_at) AS oldest
        FROM (SELECT DISTINCT day + n AS day FROM days CROSS JOIN generate_series(-30, 0) AS n) AS e
        JOIN days AS d ON d.day BETWEEN e.day AND e.day + 30
        GROUP BY 1
    ) AS reach ON reach.day = c.ex_date
    WHERE greatest(c.known_from, c.known_to) > reach.oldest AND (c.action = 'split' OR c.currency = 'USD')
), aside AS MATERIALIZED (
    SELECT q.security_id, q.session, CASE
        WHEN q.held THEN q.quarantined_at
        WHEN q.row ? 'loaded_at' THEN q.resolved_at
        -- A load has refused it, and nothing has replaced it since.
        WHEN q.resolved_at IS NULL THEN q.quarantined_at END AS at
    FROM quarantined_bars AS q
    WHERE q.session >= %(first)s::date - 30
), touched AS (
    SELECT d.day, k.security_id
    FROM days AS d JOIN bar_restatements AS k ON k.session = d.day AND k.known_to > d.reported_at
    WHERE k.changed && ARRAY['open', 'high', 'low', 'close', 'volume', 'is_fmv']
    UNION
    SELECT d.day, k.security_id
    FROM days AS d JOIN bar_restatements AS k ON k.session = d.before AND k.known_to > d.reported_at
    WHERE k.changed && ARRAY['open', 'high', 'low', 'close', 'volume', 'is_fmv']
    UNION
    SELECT d.day, q.security_id FROM days AS d JOIN aside AS q ON q.session IN (d.day, d.before) AND q.at > d.reported_at
    UNION
    SELECT d.day, t.security_id
    FROM days AS d
    JOIN told AS t ON t.at > d.reported_at AND t.ex_date <= d.day
        AND (t.ex_date > d.before OR t.action = 'split' AND t.ex_date >= d.day - 30)
    UNION
    SELECT d.day, b.security_id
    FROM days AS d
    JOIN quality_reports AS r ON r.session = d.day AND r.missing_sessions > 0
    JOIN ohlcv_daily AS b ON b.security_id = r.security_id AND b.session IN (d.day, d.before)
    WHERE b.loaded_at > d.reported_at AND NOT b.is_fmv
)
SELECT DISTINCT t.day
FROM touched AS t
-- One at a time: few are touched, and the table has a row for every symbol and session.
CROSS JOIN LATERAL (
    SELECT FROM quality_reports AS r WHERE (r.session, r.security_id) = (t.day, t.security_id) LIMIT 1) AS r
ORDER BY 1
