-- All intervals of some securities (null: of all).
SELECT security_id, ticker, valid_from, valid_to, start_known, seen_from, expected_from, expected_to
FROM ticker_intervals
WHERE %(security_ids)s::bigint[] IS NULL OR security_id = ANY (%(security_ids)s::bigint[])
ORDER BY security_id, valid_from
