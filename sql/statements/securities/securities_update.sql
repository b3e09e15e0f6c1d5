-- A list without a fact does not remove it.
UPDATE securities AS s SET
    name = n.name, equity_type = n.equity_type, primary_exchange = n.primary_exchange, cik = n.cik,
    composite_figi = n.composite_figi, share_class_figi = n.share_class_figi, delisted_on = n.delisted_on,
    on_lists = true, updated_at = %(now)s
FROM (
    SELECT o.security_id, coalesce(g.name, o.name) AS name, coalesce(g.equity_type, o.equity_type) AS equity_type,
        coalesce(g.primary_exchange, o.primary_exchange) AS primary_exchange, coalesce(g.cik, o.cik) AS cik,
        coalesce(g.composite_figi, o.composite_figi) AS composite_figi,
        coalesce(g.share_class_figi, o.share_class_figi) AS share_class_figi, g.delisted_on
    FROM securities AS o
    JOIN unnest(
        %(security_id)s::bigint[], %(name)s::text[], %(equity_type)s::text[], %(primary_exchange)s::text[],
        %(cik)s::text[], %(composite_figi)s::text[], %(share_class_figi)s::text[], %(delisted_on)s::date[])
        AS g (security_id, name, equity_type, primary_exchange, cik, composite_figi, share_class_figi, delisted_on)
        USING (security_id)) AS n
WHERE s.security_id = n.security_id
    AND (s.name, s.equity_type, s.primary_exchange, s.cik, s.composite_figi, s.share_class_figi, s.delisted_on, s.on_lists)
    IS DISTINCT FROM (
        n.name, n.equity_type, n.primary_exchange, n.cik, n.composite_figi, n.share_class_figi, n.delisted_on, true)
