-- New securities, in the order given; their ids in the same order.
INSERT INTO securities (
    name, equity_type, primary_exchange, cik, composite_figi, share_class_figi, delisted_on, updated_at)
SELECT n.name, n.equity_type, n.primary_exchange, n.cik, n.composite_figi, n.share_class_figi, n.delisted_on, %(now)s
FROM unnest(
    %(name)s::text[], %(equity_type)s::text[], %(primary_exchange)s::text[], %(cik)s::text[], %(composite_figi)s::text[],
    %(share_class_figi)s::text[], %(delisted_on)s::date[]) WITH ORDINALITY
    AS n (name, equity_type, primary_exchange, cik, composite_figi, share_class_figi, delisted_on, place)
ORDER BY n.place
RETURNING security_id
