-- The view as it was before factors were kept: two lateral products per row. A rival of benchmarks.adjusted_prices.
CREATE VIEW former_adjusted AS
SELECT
    b.security_id,
    b.session,
    b.ticker,
    b.open * f.split_factor AS open,
    b.high * f.split_factor AS high,
    b.low * f.split_factor AS low,
    b.close * f.split_factor AS close,
    b.volume / f.split_factor AS volume,
    b.close * f.split_factor * d.dividend_factor * e.dividend_factor AS total_return_close,
    f.split_factor,
    d.dividend_factor * e.dividend_factor AS dividend_factor,
    b.status
FROM ohlcv_daily AS b
JOIN securities AS m ON m.security_id = b.security_id
CROSS JOIN LATERAL (
    SELECT CASE m.primary_exchange
        WHEN 'XTKS' THEN (SELECT latest_session('XTKS')) WHEN 'XLON' THEN (SELECT latest_session('XLON'))
        WHEN 'XETR' THEN (SELECT latest_session('XETR')) ELSE (SELECT latest_session(NULL)) END AS day
) AS l
CROSS JOIN LATERAL (
    SELECT coalesce(product(a.split_from / a.split_to), 1) AS split_factor, count(*) AS splits
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
            -- Most bars have no later split, and need no look-up.
            SELECT CASE WHEN f.splits = 0 THEN 1 ELSE (
                SELECT coalesce(product(s.split_to / s.split_from), 1)
                FROM corporate_actions AS s
                WHERE s.security_id = a.security_id AND s.action = 'split' AND s.known_to IS NULL
                    AND s.ex_date > p.session AND s.ex_date <= a.ex_date) END AS shares
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
WHERE NOT b.is_fmv;
