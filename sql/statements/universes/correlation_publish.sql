INSERT INTO etf_correlations_told AS t (security_id, reference, sessions, session, correlation, told_at)
VALUES (%(security_id)s, %(reference)s, %(sessions)s, %(session)s, %(correlation)s, %(now)s)
ON CONFLICT (security_id, reference, sessions) DO UPDATE SET
    session = EXCLUDED.session, correlation = EXCLUDED.correlation, told_at = EXCLUDED.told_at
