-- The vendor's history of this listing begins later than the list allowed.
UPDATE ticker_intervals SET valid_from = %(valid_from)s, start_known = 'first_bar', traded_from = NULL
WHERE security_id = %(security_id)s AND valid_from = %(old_valid_from)s
