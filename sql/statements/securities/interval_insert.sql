INSERT INTO ticker_intervals (
    security_id, ticker, valid_from, valid_to, start_known, seen_from, seen_to, gone_on, stated_from, stated_to)
VALUES (
    %(security_id)s, %(ticker)s, %(valid_from)s, %(valid_to)s, %(start_known)s, %(seen_from)s, %(seen_to)s, %(gone_on)s,
    %(stated_from)s, %(stated_to)s)
