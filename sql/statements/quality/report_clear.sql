-- A session's former reports of symbols of a market that are not reported on any more.
DELETE FROM quality_reports AS r USING securities AS s
WHERE s.security_id = r.security_id AND r.session = %(session)s
    AND in_market(s.primary_exchange, %(market)s, %(abroad)s::text[])
    AND NOT EXISTS (SELECT FROM stage_quality_reports AS n WHERE n.security_id = r.security_id)
