SELECT first_session FROM work_units
WHERE kind = 'sync' AND market = %(market)s AND status = 'done' AND first_session BETWEEN %(first)s AND %(last)s
