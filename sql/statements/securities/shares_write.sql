INSERT INTO security_shares AS h (security_id, as_of, shares, source, known_at)
SELECT security_id, %(on)s, shares, %(source)s, %(now)s FROM stage_details WHERE shares IS NOT NULL
ON CONFLICT (security_id, as_of, source) DO UPDATE SET shares = EXCLUDED.shares, known_at = EXCLUDED.known_at
WHERE h.shares <> EXCLUDED.shares
