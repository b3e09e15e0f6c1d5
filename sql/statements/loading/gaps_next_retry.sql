SELECT min(retry_at) FROM bar_gaps
WHERE session = %(session)s AND NOT is_final AND security_id = ANY (%(security_ids)s::bigint[])
