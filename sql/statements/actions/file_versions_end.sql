-- End what other contents of files said about the actions of some securities: the newest content counts.
UPDATE corporate_actions SET known_to = greatest(%(now)s, known_from + interval '1 microsecond')
WHERE known_to IS NULL AND source LIKE 'files:%%' AND source <> %(source)s
    AND security_id IN (SELECT security_id FROM ticker_intervals WHERE ticker = ANY (%(tickers)s::text[]))
