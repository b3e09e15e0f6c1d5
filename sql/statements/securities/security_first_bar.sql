-- The first bar is the listing date, unless the vendor states another.
UPDATE securities SET list_date = %(valid_from)s, list_date_source = 'first_bar', updated_at = %(now)s
WHERE security_id = %(security_id)s AND list_date IS NULL
    AND NOT EXISTS (
        SELECT FROM ticker_intervals WHERE security_id = %(security_id)s AND valid_from < %(valid_from)s)
