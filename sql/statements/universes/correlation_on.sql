-- Whether a session has a correlation.
SELECT EXISTS (SELECT FROM etf_correlations WHERE session = %(session)s)
