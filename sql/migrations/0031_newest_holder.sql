-- The newest holder of a ticker is one step in an index, without a sort: a load of everything tracked asks 11,000 times.
CREATE INDEX ticker_intervals_by_ticker_and_start ON ticker_intervals (ticker, valid_from);
DROP INDEX ticker_intervals_by_ticker;
