-- A stored bar ends its gap.
DELETE FROM bar_gaps AS g USING stage_bars AS s WHERE (g.security_id, g.session) = (s.security_id, s.session)
