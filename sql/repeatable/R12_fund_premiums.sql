CREATE OR REPLACE VIEW fund_premiums AS
SELECT n.ticker AS symbol, n.security_id, n.session, n.nav, b.close, b.close / n.nav - 1 AS premium, n.source
FROM fund_navs AS n
JOIN securities_processing AS p USING (security_id)
JOIN equity_types AS t USING (equity_type)
LEFT JOIN ohlcv_daily AS b ON b.security_id = n.security_id AND b.session = n.session AND NOT b.is_fmv
WHERE (t.processing_rules #>> '{enrichment,premium_discount}')::boolean;

GRANT SELECT ON fund_premiums TO tickstock_writer, tickstock_app;
COMMENT ON VIEW fund_premiums IS 'How far funds closed from their net asset values, for the types whose rules say premium_discount.';
COMMENT ON COLUMN fund_premiums.symbol IS 'See fund_navs.ticker.';
COMMENT ON COLUMN fund_premiums.security_id IS 'See fund_navs.security_id.';
COMMENT ON COLUMN fund_premiums.session IS 'See fund_navs.session.';
COMMENT ON COLUMN fund_premiums.nav IS 'See fund_navs.nav.';
COMMENT ON COLUMN fund_premiums.close IS 'Raw close of the session; null where no print is stored.';
COMMENT ON COLUMN fund_premiums.premium IS 'close / nav − 1: above zero a premium, below it a discount; null without a close.';
COMMENT ON COLUMN fund_premiums.source IS 'Of the net asset value; see fund_navs.source.';
