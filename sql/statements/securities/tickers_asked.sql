UPDATE securities SET tickers_asked_on = %(on)s WHERE security_id = ANY (%(security_ids)s::bigint[])
