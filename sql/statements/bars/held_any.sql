-- Whether values of some bar between two sessions are held back.
SELECT EXISTS (SELECT FROM quarantined_bars WHERE held AND session BETWEEN %(first)s AND %(last)s)
