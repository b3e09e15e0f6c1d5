-- The listings whose first or last day lies between two lists, and that staged bars, good or broken, show to have begun
-- earlier or ended later than was proven: interval, and the first and last day shown.
SELECT i.security_id, i.valid_from,
    min(t.session) FILTER (WHERE t.session < i.expected_from) AS traded_from,
    max(t.session) FILTER (WHERE t.session >= i.expected_to) AS traded_to
FROM (
    SELECT security_id, ticker, session FROM stage_bars
    UNION ALL
    SELECT security_id, ticker, session FROM stage_rejected
) AS t
JOIN ticker_intervals AS i
    ON i.security_id = t.security_id AND i.ticker = t.ticker AND covers(i.valid_from, i.valid_to, t.session)
WHERE (i.start_known = 'absent_before' AND t.session < i.expected_from)
    OR (i.gone_on IS NOT NULL AND t.session >= i.expected_to)
GROUP BY i.security_id, i.valid_from
