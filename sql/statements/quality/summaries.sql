-- The summaries of the sessions between two, ascending.
SELECT session, symbols, price_score, volume_score, freshness_score, overall_score, explained, suspicious, wrong, missing
FROM quality_summary
WHERE session BETWEEN %(first)s AND %(last)s
ORDER BY session
