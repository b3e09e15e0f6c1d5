-- Units that failed, and whose every session was answered since then by other units.
SELECT o.unit_id
FROM work_units AS o
WHERE o.status IN ('retrying', 'dead') AND o.dataset = %(dataset)s AND o.market = %(market)s AND o.source = %(source)s
    AND o.first_session >= %(first)s AND o.last_session <= %(last)s
    AND NOT EXISTS (
        SELECT FROM unnest(%(sessions)s::date[]) AS s (session)
        WHERE s.session BETWEEN o.first_session AND o.last_session
            AND NOT EXISTS (
                SELECT FROM work_units AS d
                WHERE d.status = 'done' AND d.dataset = o.dataset AND d.market = o.market AND d.source = o.source
                    AND d.kind <> 'session' AND d.subject IN ('*', o.subject)
                    AND s.session BETWEEN d.first_session AND d.last_session AND d.finished_at > o.finished_at))
