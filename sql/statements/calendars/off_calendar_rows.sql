-- Tickers whose rows were quarantined because their day is not a session.
SELECT session, count(DISTINCT ticker) FROM quarantined_bars
WHERE session = ANY (%(days)s::date[]) AND starts_with(reason, %(reason)s)
GROUP BY session
