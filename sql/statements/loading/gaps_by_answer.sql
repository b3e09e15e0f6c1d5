-- Gaps of cells whose bar a good answer lacked, or (where `broken` is a source) of which this source's row is in quarantine.
SELECT security_id, session, ticker, reason, evidence, retry_at FROM bar_gaps
WHERE session BETWEEN %(first)s AND %(last)s AND security_id = ANY (%(security_ids)s::bigint[])
    AND (starts_with(evidence, %(evidence)s) OR (reason = 'quarantined' AND source = %(broken)s::text))
ORDER BY security_id, session
