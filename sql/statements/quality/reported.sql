-- Who was reported on for a session, if nothing by which it is judged has changed since: bars, those that a load refused,
-- actions and exceptions of the calendar between two sessions around it. None otherwise.
SELECT r.security_id
FROM quality_reports AS r
WHERE r.session = %(session)s
    AND r.reported_at >= coalesce((
        SELECT max(b.loaded_at) FROM ohlcv_daily AS b WHERE b.session BETWEEN %(first)s AND %(last)s), '-infinity')
    AND r.reported_at >= coalesce((
        SELECT max(q.quarantined_at) FROM quarantined_bars AS q
        WHERE q.session BETWEEN %(first)s AND %(last)s AND NOT q.held AND q.resolved_at IS NULL
            AND NOT EXISTS (
                SELECT FROM ohlcv_daily AS b
                WHERE (b.security_id, b.session) = (q.security_id, q.session) AND NOT b.is_fmv)), '-infinity')
    AND r.reported_at >= coalesce((
        SELECT max(greatest(a.known_from, a.known_to)) FROM corporate_actions AS a
        WHERE a.ex_date BETWEEN %(first)s AND %(last)s), '-infinity')
    AND r.reported_at >= coalesce((
        SELECT max(greatest(o.created_at, o.revoked_at)) FROM market_calendar_overrides AS o
        WHERE o.session BETWEEN %(first)s AND %(last)s), '-infinity')
