UPDATE ticker_intervals SET
    traded_from = least(traded_from, %(traded_from)s), traded_to = greatest(traded_to, %(traded_to)s)
WHERE security_id = %(security_id)s AND valid_from = %(valid_from)s
