SELECT min(retry_at) FROM bar_gaps WHERE session = %(session)s AND NOT is_final
