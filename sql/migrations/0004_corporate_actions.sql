-- Splits and dividends, and prices adjusted by them on read.
CREATE TABLE corporate_actions (
    action_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    security_id   bigint NOT NULL REFERENCES securities,
    ticker        text NOT NULL,
    action        text NOT NULL,
    kind          text NOT NULL,
    ex_date       date NOT NULL,
    declared_on   date,
    record_date   date,
    pay_date      date,
    split_from    numeric(18, 8),
    split_to      numeric(18, 8),
    cash_amount   numeric(18, 8),
    currency      text,
    vendor_id     text,
    source        text NOT NULL,
    known_from    timestamptz NOT NULL,
    known_to      timestamptz,
    CONSTRAINT corporate_actions_action_known CHECK (action IN ('split', 'dividend')),
    CONSTRAINT corporate_actions_split_is_a_ratio CHECK (
        CASE action WHEN 'split' THEN num_nulls(split_from, split_to) = 0 AND split_from > 0 AND split_to > 0
                    ELSE num_nonnulls(split_from, split_to) = 0 END),
    CONSTRAINT corporate_actions_dividend_is_cash CHECK (
        CASE action WHEN 'dividend' THEN num_nulls(cash_amount, currency) = 0 AND cash_amount > 0
                    ELSE num_nonnulls(cash_amount, currency) = 0 END),
    CONSTRAINT corporate_actions_known_interval CHECK (known_to > known_from)
);
-- One version is current. Vendors repeat splits of a day; a day has one. Dividends of a day differ by kind.
CREATE UNIQUE INDEX corporate_actions_one_current
    ON corporate_actions (security_id, action, ex_date, (CASE action WHEN 'dividend' THEN kind ELSE '' END))
    WHERE known_to IS NULL;

CREATE AGGREGATE product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1', parallel = safe);

-- An action is announced before it takes effect: prices of today must not be in the shares of next week. It counts
-- from the first stored session on or after its ex-date.
CREATE VIEW ohlcv_daily_adjusted AS
SELECT
    b.security_id,
    b.session,
    b.ticker,
    b.open * f.split_factor AS open,
    b.high * f.split_factor AS high,
    b.low * f.split_factor AS low,
    b.close * f.split_factor AS close,
    b.volume / f.split_factor AS volume,
    b.close * f.split_factor * d.dividend_factor AS total_return_close,
    f.split_factor,
    d.dividend_factor,
    b.status
FROM ohlcv_daily AS b
CROSS JOIN LATERAL (
    SELECT coalesce(product(a.split_from / a.split_to), 1) AS split_factor
    FROM corporate_actions AS a
    WHERE a.security_id = b.security_id AND a.action = 'split' AND a.known_to IS NULL AND a.ex_date > b.session
        AND a.ex_date <= (SELECT max(session) FROM ohlcv_daily)
) AS f
CROSS JOIN LATERAL (
    SELECT coalesce(product(1 - a.cash_amount / p.close), 1) AS dividend_factor
    FROM corporate_actions AS a
    CROSS JOIN LATERAL (
        SELECT q.close
        FROM ohlcv_daily AS q
        WHERE q.security_id = a.security_id AND q.session < a.ex_date AND NOT q.is_fmv
        ORDER BY q.session DESC
        LIMIT 1
    ) AS p
    WHERE a.security_id = b.security_id AND a.action = 'dividend' AND a.known_to IS NULL
        AND a.ex_date > b.session AND a.ex_date <= (SELECT max(session) FROM ohlcv_daily)
        AND a.currency = 'USD' AND a.cash_amount < p.close
) AS d
WHERE NOT b.is_fmv;

GRANT SELECT, INSERT, UPDATE ON corporate_actions TO tickstock_writer;

COMMENT ON TABLE corporate_actions IS 'Splits and cash dividends, in versions: what we knew and when we knew it.';
COMMENT ON COLUMN corporate_actions.action_id IS 'Surrogate identity of the version.';
COMMENT ON COLUMN corporate_actions.security_id IS 'The security.';
COMMENT ON COLUMN corporate_actions.ticker IS 'Ticker under which the vendor told it.';
COMMENT ON COLUMN corporate_actions.action IS 'split or dividend.';
COMMENT ON COLUMN corporate_actions.kind IS 'The vendor''s kind: forward_split, reverse_split, stock_dividend; recurring, special, …';
COMMENT ON COLUMN corporate_actions.ex_date IS 'First session that trades without the entitlement (with the new share count).';
COMMENT ON COLUMN corporate_actions.declared_on IS 'Date of declaration.';
COMMENT ON COLUMN corporate_actions.record_date IS 'Date of record.';
COMMENT ON COLUMN corporate_actions.pay_date IS 'Date of payment.';
COMMENT ON COLUMN corporate_actions.split_from IS 'Old shares: 1 in a 2-for-1 split.';
COMMENT ON COLUMN corporate_actions.split_to IS 'New shares: 2 in a 2-for-1 split.';
COMMENT ON COLUMN corporate_actions.cash_amount IS 'Cash per share as declared, in currency units.';
COMMENT ON COLUMN corporate_actions.currency IS 'ISO 4217 code of cash_amount.';
COMMENT ON COLUMN corporate_actions.vendor_id IS 'The vendor''s id of the action.';
COMMENT ON COLUMN corporate_actions.source IS 'Where it came from.';
COMMENT ON COLUMN corporate_actions.known_from IS 'When we learned of this version.';
COMMENT ON COLUMN corporate_actions.known_to IS 'When it was replaced or withdrawn; null while current.';
COMMENT ON AGGREGATE product(numeric) IS 'Exact product of numerics.';
COMMENT ON VIEW ohlcv_daily_adjusted IS 'Daily bars adjusted on read for splits as known now that have taken effect by the latest stored session (prices and volume), and total_return_close for splits and dividends; rows with only an FMV are left out.';
COMMENT ON COLUMN ohlcv_daily_adjusted.security_id IS 'The security.';
COMMENT ON COLUMN ohlcv_daily_adjusted.session IS 'Trading date.';
COMMENT ON COLUMN ohlcv_daily_adjusted.ticker IS 'Ticker as printed on that session.';
COMMENT ON COLUMN ohlcv_daily_adjusted.open IS 'Split-adjusted open.';
COMMENT ON COLUMN ohlcv_daily_adjusted.high IS 'Split-adjusted high.';
COMMENT ON COLUMN ohlcv_daily_adjusted.low IS 'Split-adjusted low.';
COMMENT ON COLUMN ohlcv_daily_adjusted.close IS 'Split-adjusted close.';
COMMENT ON COLUMN ohlcv_daily_adjusted.volume IS 'Split-adjusted volume.';
COMMENT ON COLUMN ohlcv_daily_adjusted.total_return_close IS 'Close adjusted for splits and cash dividends: each dividend scales earlier closes by 1 - cash / previous raw close.';
COMMENT ON COLUMN ohlcv_daily_adjusted.split_factor IS 'Product of split_from / split_to over later ex-dates.';
COMMENT ON COLUMN ohlcv_daily_adjusted.dividend_factor IS 'Product of 1 - cash / previous raw close over later ex-dates.';
COMMENT ON COLUMN ohlcv_daily_adjusted.status IS 'provisional or final.';
