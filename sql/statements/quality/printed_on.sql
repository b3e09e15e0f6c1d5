-- Whether some bar of a session is stored.
SELECT EXISTS (SELECT FROM ohlcv_daily WHERE session = %(session)s AND NOT is_fmv)
