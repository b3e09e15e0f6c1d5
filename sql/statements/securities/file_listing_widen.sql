-- A file of bars has shown more of a listing than was known.
UPDATE ticker_intervals SET
    valid_from = %(valid_from)s, valid_to = %(valid_to)s, seen_from = %(seen_from)s, seen_to = %(seen_to)s
WHERE security_id = %(security_id)s AND valid_from = %(was_from)s
