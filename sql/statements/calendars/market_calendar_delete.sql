DELETE FROM market_calendar
WHERE calendar = %(calendar)s AND session BETWEEN %(first)s AND %(last)s
    AND session <> ALL (%(sessions)s::date[])
