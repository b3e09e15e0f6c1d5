-- Factors of adjusted prices, kept beside the actions and the closes that they follow from, so that reading adjusted prices
-- is a join. sql/repeatable/R05_adjusted_prices.sql fills the table and keeps it right.
-- One row a security: its series is found by one look-up, and a bar's place in it by a binary search. A row for each
-- interval would be joined by comparing every bar with every interval of its security.
CREATE TABLE adjustment_factors (
    security_id       bigint PRIMARY KEY REFERENCES securities,
    ex_dates          date[] NOT NULL,
    split_factors     numeric[],
    dividend_factors  numeric[],
    close_dates       date[] NOT NULL,
    pending_from      date,
    CONSTRAINT adjustment_factors_of_one_length CHECK (
        cardinality(ex_dates) = cardinality(split_factors) AND cardinality(ex_dates) = cardinality(dividend_factors)
        AND cardinality(ex_dates) = cardinality(close_dates))
) WITH (toast_tuple_target = 8160);  -- a series in its row is read without being unpacked for each bar
CREATE INDEX adjustment_factors_by_last ON adjustment_factors ((ex_dates[cardinality(ex_dates)]));
CREATE INDEX adjustment_factors_by_pending ON adjustment_factors (pending_from);

COMMENT ON TABLE adjustment_factors IS 'One row per security with splits or dividends in US dollars: the factors that adjust its bars, as of the latest stored session of its market. Follows from corporate_actions and ohlcv_daily, in the transaction that changes them.';
COMMENT ON COLUMN adjustment_factors.security_id IS 'The security.';
COMMENT ON COLUMN adjustment_factors.ex_dates IS 'Ex-dates of its actions that have taken effect, ascending, each once.';
COMMENT ON COLUMN adjustment_factors.split_factors IS 'By ex-date: product of split_from / split_to over it and all later ones, for sessions before it and from the one before it on; 16 significant digits. Null where all are 1.';
COMMENT ON COLUMN adjustment_factors.dividend_factors IS 'By ex-date: product of 1 - cash / close before over it and all later ones, both in the shares of that close; 16 significant digits. Null where all are 1.';
COMMENT ON COLUMN adjustment_factors.close_dates IS 'By ex-date: session of the stored close that its dividends are compared with, -infinity where none is stored; null where nothing is compared with a stored close.';
COMMENT ON COLUMN adjustment_factors.pending_from IS 'First ex-date that has not taken effect; null: none is known.';

-- A consumer asks by ticker. The index keeps each ticker once, with the places of its rows: 7 bytes a bar.
CREATE INDEX ohlcv_daily_by_ticker ON ohlcv_daily (ticker);
