-- Bars whose factors are not what actions and closes say, computed bar by bar, as nothing else here does. Factors change at
-- ex-dates alone: the last bar before each ex-date, and the newest, speak for all. Compared to a trillionth.
WITH days AS MATERIALIZED (
    SELECT a.security_id, a.ex_date FROM corporate_actions AS a WHERE a.known_to IS NULL
    UNION
    SELECT f.security_id, unnest(f.ex_dates || 'infinity'::date) FROM adjustment_factors AS f
    UNION
    SELECT a.security_id, 'infinity' FROM corporate_actions AS a WHERE a.known_to IS NULL
), bars AS MATERIALIZED (
    SELECT DISTINCT d.security_id, p.session
    FROM days AS d
    CROSS JOIN LATERAL (
        SELECT q.session
        FROM ohlcv_daily AS q
        WHERE q.security_id = d.security_id AND q.session < d.ex_date AND NOT q.is_fmv
        ORDER BY q.session DESC
        LIMIT 1
    ) AS p
), expected AS (
    SELECT b.security_id, b.session, f.split_factor, d.dividend_factor * e.dividend_factor AS dividend_factor
    FROM bars AS b
    JOIN securities AS m USING (security_id)
    CROSS JOIN LATERAL (
        SELECT CASE m.primary_exchange
            WHEN 'XTKS' THEN (SELECT latest_session('XTKS')) WHEN 'XLON' THEN (SELECT latest_session('XLON'))
            WHEN 'XETR' THEN (SELECT latest_session('XETR')) ELSE (SELECT latest_session(NULL)) END AS day
    ) AS l
    CROSS JOIN LATERAL (
        SELECT coalesce(product(a.split_from / a.split_to), 1) AS split_factor
        FROM corporate_actions AS a
        WHERE a.security_id = b.security_id AND a.action = 'split' AND a.known_to IS NULL AND a.ex_date > b.session
            AND a.ex_date <= l.day
    ) AS f
    CROSS JOIN LATERAL (
        SELECT coalesce(product(1 - g.cash / g.close) FILTER (WHERE g.cash < g.close * 0.999999999), 1) AS dividend_factor
        FROM (
            SELECT p.close, sum(a.cash_amount * r.shares) AS cash
            FROM corporate_actions AS a
            CROSS JOIN LATERAL (
                SELECT q.session, q.close
                FROM ohlcv_daily AS q
                WHERE q.security_id = a.security_id AND q.session < a.ex_date AND NOT q.is_fmv
                ORDER BY q.session DESC
                LIMIT 1
            ) AS p
            CROSS JOIN LATERAL (
                SELECT coalesce(product(s.split_to / s.split_from), 1) AS shares
                FROM corporate_actions AS s
                WHERE s.security_id = a.security_id AND s.action = 'split' AND s.known_to IS NULL
                    AND s.ex_date > p.session AND s.ex_date <= a.ex_date
            ) AS r
            WHERE a.security_id = b.security_id AND a.action = 'dividend' AND a.known_to IS NULL
                AND a.ex_date > b.session AND a.ex_date <= l.day
                AND a.currency = 'USD' AND a.close_before IS NULL AND a.cash_amount * r.shares < p.close * 0.999999999
            GROUP BY p.session, p.close
        ) AS g
    ) AS d
    CROSS JOIN LATERAL (
        SELECT coalesce(product(1 - a.cash_amount / a.close_before), 1) AS dividend_factor
        FROM corporate_actions AS a
        WHERE a.security_id = b.security_id AND a.action = 'dividend' AND a.known_to IS NULL
            AND a.ex_date > b.session AND a.ex_date <= l.day
            AND a.currency = 'USD' AND a.cash_amount < a.close_before * 0.999999999
    ) AS e
)
SELECT format(
    '%%s %%s: split factor %%s, dividend factor %%s instead of %%s, %%s', v.ticker, v.session,
    v.split_factor::float8, v.dividend_factor::float8, e.split_factor::float8, e.dividend_factor::float8), 1
FROM expected AS e
JOIN ohlcv_daily_adjusted AS v USING (security_id, session)
WHERE abs(v.split_factor - e.split_factor) > e.split_factor * 1e-12
    OR abs(v.dividend_factor - e.dividend_factor) > e.dividend_factor * 1e-12
ORDER BY v.ticker, v.session
