-- Gaps of cells whose bar a good answer lacked.
SELECT security_id, session, ticker, reason, evidence, retry_at FROM bar_gaps
WHERE session BETWEEN %(first)s AND %(last)s AND security_id = ANY (%(security_ids)s::bigint[])
    AND starts_with(evidence, %(evidence)s)
ORDER BY security_id, session
