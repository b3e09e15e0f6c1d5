-- Intervals of many securities.
INSERT INTO ticker_intervals (
    security_id, ticker, valid_from, valid_to, start_known, seen_from, seen_to, gone_on, stated_from, stated_to)
SELECT *
FROM unnest(
    %(security_id)s::bigint[], %(ticker)s::text[], %(valid_from)s::date[], %(valid_to)s::date[], %(start_known)s::text[],
    %(seen_from)s::date[], %(seen_to)s::date[], %(gone_on)s::date[], %(stated_from)s::date[], %(stated_to)s::date[])
