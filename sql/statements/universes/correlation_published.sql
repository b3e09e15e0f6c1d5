SELECT security_id, reference, sessions, session, correlation FROM etf_correlations_told
