-- A vendor's answer speaks of more tickers than we know. When one of them becomes known, its actions were asked for, and
-- were not kept: these days have to be asked again.
CREATE TABLE unresolved_actions (
    source     text NOT NULL,
    ticker     text NOT NULL,
    action     text NOT NULL,
    ex_date    date NOT NULL,
    vendor_id  text,
    CONSTRAINT unresolved_actions_action_known CHECK (action IN ('split', 'dividend')),
    CONSTRAINT unresolved_actions_once UNIQUE NULLS NOT DISTINCT (source, ex_date, action, ticker, vendor_id)
);
CREATE INDEX unresolved_actions_by_ticker ON unresolved_actions (ticker);

GRANT INSERT, DELETE ON unresolved_actions TO tickstock_writer;

COMMENT ON TABLE unresolved_actions IS 'Splits and dividends of the last answers that stand under a ticker of no known security; when there is one, their days are asked again.';
COMMENT ON COLUMN unresolved_actions.source IS 'Where it came from.';
COMMENT ON COLUMN unresolved_actions.ticker IS 'Ticker under which the vendor told it.';
COMMENT ON COLUMN unresolved_actions.action IS 'split or dividend.';
COMMENT ON COLUMN unresolved_actions.ex_date IS 'Its ex-date.';
COMMENT ON COLUMN unresolved_actions.vendor_id IS 'The vendor''s id of the action.';
