-- All listing intervals: an action may belong to a security whose every ticker is another's by now.
SELECT security_id, ticker, valid_from, valid_to, start_known, seen_from
FROM ticker_intervals
