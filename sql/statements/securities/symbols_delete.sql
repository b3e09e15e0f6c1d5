DELETE FROM symbol_versions AS v USING stage_symbols_gone AS g
WHERE v.security_id = g.security_id AND v.seen_from = g.seen_from
