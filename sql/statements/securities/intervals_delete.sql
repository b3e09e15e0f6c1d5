DELETE FROM ticker_intervals WHERE security_id = ANY (%(security_ids)s::bigint[])
