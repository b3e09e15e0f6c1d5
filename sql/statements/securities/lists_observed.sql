SELECT last_session FROM work_units
WHERE kind = 'listings' AND market = %(market)s AND source = %(source)s AND subject = '*' AND status = 'done'
    AND (rows > 0 OR %(empty)s)
ORDER BY last_session
