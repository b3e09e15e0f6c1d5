-- Stored bars of a market since a day on dates that are none of its sessions, with their number, by date, the newest first.
SELECT format('%%s is no session: %%s bars, %%s among them', b.session, count(*), min(b.ticker)), count(*)
FROM ohlcv_daily AS b
JOIN securities AS s USING (security_id)
WHERE b.session >= %(since)s AND NOT b.session = ANY (%(sessions)s::date[]) AND NOT b.is_fmv
    AND in_market(s.primary_exchange, %(market)s, %(abroad)s::text[])
GROUP BY b.session
ORDER BY b.session DESC
