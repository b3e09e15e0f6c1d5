-- The securities of one market: abroad, those of its venue; in the US, all that no market abroad lists. A list of US
-- tickers says nothing about Tokyo.
SELECT s.security_id, s.composite_figi, s.delisted_on, s.on_lists,
    i.ticker, i.valid_from, i.valid_to, i.start_known, i.seen_from, i.seen_to, i.gone_on,
    i.stated_from, i.stated_to
FROM securities AS s
JOIN ticker_intervals AS i USING (security_id)
WHERE CASE WHEN %(market)s = ANY (%(abroad)s::text[]) THEN s.primary_exchange = %(market)s
      ELSE coalesce(s.primary_exchange <> ALL (%(abroad)s::text[]), true) END
ORDER BY s.security_id, i.valid_from
