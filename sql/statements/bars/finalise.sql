-- Provisional bars of a session that came from a content which says the same as it said then: they become final, unread.
UPDATE ohlcv_daily AS b SET status = 'final'
FROM securities AS s
WHERE s.security_id = b.security_id AND b.session = %(session)s AND b.status = 'provisional' AND NOT b.is_fmv
    AND b.source = %(source)s AND in_market(s.primary_exchange, %(market)s, %(abroad)s::text[])
