SELECT DISTINCT session FROM universe_determinations
WHERE universe = %(universe)s AND session BETWEEN %(first)s AND %(last)s
ORDER BY session
