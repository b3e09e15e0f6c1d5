-- A stored report, scored again from its findings.
UPDATE quality_reports SET
    price_score = %(price)s, volume_score = %(volume)s, freshness_score = %(freshness)s, overall_score = %(overall)s,
    explained = %(explained)s, suspicious = %(suspicious)s, wrong = %(wrong)s,
    recommendations = %(recommendations)s::text[]
WHERE session = %(session)s AND security_id = %(security_id)s
