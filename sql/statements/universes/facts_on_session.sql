-- Facts about every security listed on a session, from stored data alone and as the market knew them then: bars of the
-- given sessions (newest first, the last 20), the newest shares stated on or before it, splits in between.
-- Volumes are put into the shares of the session itself, over splits in between; dollars need none of that.
-- One scan of the index over sessions groups all those bars: cheaper than a look-up per security. Averages are exact and
-- rounded once, whatever the order of the rows.
WITH splits AS (
    -- What a share of each of those sessions has become by the session in question.
    SELECT a.security_id, d.session, product(a.split_to / a.split_from) AS factor
    FROM corporate_actions AS a
    JOIN unnest(%(sessions)s::date[]) AS d (session) ON a.ex_date > d.session
    WHERE a.action = 'split' AND a.known_to IS NULL AND a.ex_date <= %(session)s
        AND a.ex_date > (SELECT min(o.session) FROM unnest(%(sessions)s::date[]) AS o (session))
    GROUP BY a.security_id, d.session
),
bars AS (
    SELECT b.security_id,
        avg(b.close * b.volume)::float8 AS adv20_usd,
        avg(b.volume * coalesce(p.factor, 1))::float8 AS adv20_shares,
        count(*) AS bars20,
        (array_agg(b.close::float8 ORDER BY b.session DESC) FILTER (WHERE b.session >= %(recent)s))[1] AS close,
        max(b.session) AS last_bar
    FROM ohlcv_daily AS b
    LEFT JOIN splits AS p USING (security_id, session)
    WHERE b.session = ANY (%(sessions)s::date[]) AND NOT b.is_fmv
    GROUP BY b.security_id
),
stated AS (
    SELECT DISTINCT ON (h.security_id) h.security_id, h.as_of, h.shares
    FROM security_shares AS h
    WHERE h.as_of <= %(session)s
    ORDER BY h.security_id, h.as_of DESC, h.known_at DESC, h.source
),
shares AS (
    SELECT t.security_id, (t.shares * coalesce(product(a.split_to / a.split_from), 1))::float8 AS shares
    FROM stated AS t
    LEFT JOIN corporate_actions AS a ON a.security_id = t.security_id AND a.action = 'split' AND a.known_to IS NULL
        AND a.ex_date > t.as_of AND a.ex_date <= %(session)s
    GROUP BY t.security_id, t.shares
)
SELECT s.security_id, i.ticker, s.name, s.equity_type, s.primary_exchange, s.sector, s.cik, s.list_date,
    CASE WHEN s.list_date <= %(session)s THEN %(session)s - s.list_date END AS listed_days,
    b.close, h.shares, b.close * h.shares / coalesce(since.factor, 1) AS market_cap, b.adv20_usd, b.adv20_shares, coalesce(b.bars20, 0) AS bars20,
    s.etf_type, s.themes, s.aum_usd::float8 AS aum_usd, s.expense_ratio::float8 AS expense_ratio,
    s.underlying_index, s.correlation_reference
FROM ticker_intervals AS i
JOIN securities AS s USING (security_id)
LEFT JOIN bars AS b USING (security_id)
LEFT JOIN shares AS h USING (security_id)
-- A close before a split goes with the share count before it.
LEFT JOIN LATERAL (
    SELECT product(a.split_to / a.split_from)::float8 AS factor
    FROM corporate_actions AS a
    WHERE a.security_id = b.security_id AND a.action = 'split' AND a.known_to IS NULL
        AND a.ex_date > b.last_bar AND a.ex_date <= %(session)s
    HAVING count(*) > 0) AS since ON b.last_bar < %(session)s
WHERE covers(i.valid_from, i.valid_to, %(session)s)
ORDER BY s.security_id
