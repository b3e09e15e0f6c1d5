-- The newest session's details count; an answer without a fact does not remove it. A list date after the requested day,
-- or not before the delisting, is left out.
UPDATE securities AS s SET
    sic_code = n.sic_code, sic_description = n.sic_description, sector = n.sector, shares_outstanding = n.shares,
    list_date = n.list_date, list_date_source = n.list_date_source, details_at = %(now)s, details_on = %(on)s,
    updated_at = CASE WHEN (s.sic_code, s.sic_description, s.sector, s.shares_outstanding, s.list_date,
            s.list_date_source) IS DISTINCT FROM (n.sic_code, n.sic_description, n.sector, n.shares, n.list_date,
            n.list_date_source) THEN %(now)s ELSE s.updated_at END
FROM (
    SELECT o.security_id, coalesce(d.sic_code, o.sic_code) AS sic_code,
        coalesce(d.sic_description, o.sic_description) AS sic_description, coalesce(d.sector, o.sector) AS sector,
        coalesce(d.shares, o.shares_outstanding) AS shares,
        CASE WHEN f.is_date THEN d.list_date ELSE o.list_date END AS list_date,
        CASE WHEN f.is_date THEN 'vendor' ELSE o.list_date_source END AS list_date_source
    FROM securities AS o
    JOIN stage_details AS d USING (security_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(d.list_date <= %(on)s AND d.list_date < coalesce(o.delisted_on, 'infinity'), false) AS is_date
    ) AS f) AS n
WHERE n.security_id = s.security_id AND (s.details_on IS NULL OR s.details_on <= %(on)s)
