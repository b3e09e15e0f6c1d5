SELECT reason, count(*) FROM bar_gaps
WHERE session BETWEEN %(first)s AND %(last)s AND security_id = ANY (%(security_ids)s::bigint[])
GROUP BY reason ORDER BY count(*) DESC, reason
