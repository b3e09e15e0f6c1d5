-- Whether a security has a bar of a session, printed or estimated.
SELECT EXISTS (SELECT FROM ohlcv_daily WHERE security_id = %(security_id)s AND session = %(session)s)
