-- How each kind of security is treated, and how every fair market value was come by.
CREATE TABLE equity_types (
    equity_type          varchar(50) PRIMARY KEY,
    title                text NOT NULL,
    update_frequency     text NOT NULL,
    priority             text NOT NULL,
    priority_level       integer NOT NULL GENERATED ALWAYS AS (
        CASE priority WHEN 'critical' THEN 1 WHEN 'high' THEN 2 WHEN 'normal' THEN 3 ELSE 4 END) STORED,
    processing_rules     jsonb NOT NULL,
    retry_config         jsonb NOT NULL,
    performance_targets  jsonb NOT NULL,
    last_updated         timestamptz NOT NULL,
    CONSTRAINT equity_types_code_not_blank CHECK (equity_type = upper(btrim(equity_type)) AND equity_type <> ''),
    CONSTRAINT equity_types_update_frequency_known CHECK (update_frequency IN ('realtime', 'eod')),
    CONSTRAINT equity_types_priority_known CHECK (priority IN ('critical', 'high', 'normal', 'low')),
    CONSTRAINT equity_types_processing_rules_shape CHECK (coalesce(
        jsonb_typeof(processing_rules -> 'data_sources') = 'array'
        AND processing_rules @@ 'exists($.data_sources[0])'
        AND jsonb_typeof(processing_rules -> 'validation_rules') = 'object'
        AND jsonb_typeof(processing_rules -> 'enrichment') = 'object', false)),
    CONSTRAINT equity_types_thresholds_not_negative CHECK (NOT jsonb_path_exists(
        processing_rules, '$.validation_rules.* ? (@.type() != "number" || @ < 0)')),
    CONSTRAINT equity_types_expense_ratio_is_a_fraction CHECK (NOT jsonb_path_exists(
        processing_rules, '$.validation_rules.expense_ratio_max ? (@ <= 0 || @ > 0.2)')),
    CONSTRAINT equity_types_retry_config_shape CHECK (coalesce(
        retry_config @@ '$.max_retries >= 0 && $.max_retries <= 20 && $.backoff_multiplier >= 1
            && $.backoff_multiplier <= 10', false)),
    CONSTRAINT equity_types_performance_targets_shape CHECK (coalesce(
        performance_targets @@ '$.processing_time_ms > 0 && $.success_rate > 0 && $.success_rate <= 100', false))
);

INSERT INTO equity_types (
    equity_type, title, update_frequency, priority, processing_rules, retry_config, performance_targets, last_updated)
SELECT code, title, frequency, priority,
    jsonb_build_object(
        'data_sources', CASE WHEN frequency = 'realtime' AND limits <> '{}' THEN '["massive", "fund_provider"]'::jsonb
                        ELSE '["massive"]' END,
        'validation_rules', limits::jsonb,
        'enrichment', jsonb_build_object(
            'nav_calculation', limits <> '{}', 'premium_discount', limits <> '{}', 'sector_allocation', code = 'ETF')),
    jsonb_build_object('max_retries', CASE WHEN frequency = 'realtime' THEN 3 ELSE 2 END, 'backoff_multiplier', 2),
    jsonb_build_object(
        'processing_time_ms', CASE WHEN frequency = 'realtime' THEN 500 ELSE 2000 END,
        'success_rate', CASE WHEN frequency = 'realtime' THEN 99.5 ELSE 99 END),
    '2026-11-22 00:00Z'
FROM (VALUES
    ('CS', 'Common stock', 'realtime', 'high', '{}'),
    ('OS', 'Ordinary shares', 'realtime', 'normal', '{}'),
    ('NYRS', 'New York registry shares', 'realtime', 'normal', '{}'),
    ('ADRC', 'American depositary receipt, common', 'realtime', 'high', '{}'),
    ('GDR', 'Global depositary receipt', 'eod', 'normal', '{}'),
    ('ETF', 'Exchange-traded fund', 'realtime', 'critical',
        '{"aum_minimum": 50000000, "dollar_volume_threshold": 1000000, "volume_threshold": 100000, "expense_ratio_max": 0.02}'),
    ('ETS', 'Exchange-traded fund on a single security', 'realtime', 'high',
        '{"aum_minimum": 50000000, "dollar_volume_threshold": 1000000, "volume_threshold": 100000, "expense_ratio_max": 0.02}'),
    ('ETV', 'Exchange-traded vehicle: commodity and currency trusts', 'realtime', 'high',
        '{"aum_minimum": 50000000, "dollar_volume_threshold": 1000000, "volume_threshold": 100000, "expense_ratio_max": 0.02}'),
    ('ETN', 'Exchange-traded note', 'realtime', 'high',
        '{"aum_minimum": 50000000, "dollar_volume_threshold": 1000000, "volume_threshold": 100000, "expense_ratio_max": 0.02}'),
    ('FUND', 'Closed-end fund', 'eod', 'normal', '{}'),
    ('PFD', 'Preferred stock', 'eod', 'normal', '{}'),
    ('SP', 'Structured product', 'eod', 'low', '{}'),
    ('ADRP', 'American depositary receipt, preferred', 'eod', 'low', '{}'),
    ('ADRW', 'American depositary receipt, warrant', 'eod', 'low', '{}'),
    ('ADRR', 'American depositary receipt, right', 'eod', 'low', '{}'),
    ('WARRANT', 'Warrant', 'eod', 'low', '{}'),
    ('RIGHT', 'Right', 'eod', 'low', '{}'),
    ('UNIT', 'Unit', 'eod', 'low', '{}'),
    ('BASKET', 'Basket', 'eod', 'low', '{}'),
    ('LT', 'Liquidating trust', 'eod', 'low', '{}'),
    ('BOND', 'Bond', 'eod', 'low', '{}'),
    ('AGEN', 'Agency bond', 'eod', 'low', '{}'),
    ('EQLK', 'Equity-linked bond', 'eod', 'low', '{}'),
    ('INDEX', 'Index', 'eod', 'low', '{}'),
    ('OTHER', 'Other', 'eod', 'low', '{}')) AS seed (code, title, frequency, priority, limits);

CREATE VIEW equity_types_enhanced AS
SELECT
    equity_type,
    processing_rules || jsonb_build_object('update_frequency', update_frequency) AS processing_rules,
    priority_level,
    retry_config,
    performance_targets,
    last_updated
FROM equity_types;

GRANT SELECT, INSERT, UPDATE ON equity_types TO tickstock_writer;
GRANT SELECT ON equity_types, equity_types_enhanced TO tickstock_app;
COMMENT ON TABLE equity_types IS 'How each of the vendor''s types of securities is processed. Changes take effect with the next run.';
COMMENT ON COLUMN equity_types.equity_type IS 'Vendor type code, as in securities.equity_type.';
COMMENT ON COLUMN equity_types.title IS 'The type in words.';
COMMENT ON COLUMN equity_types.update_frequency IS 'realtime (followed during the session as well) or eod (after the close only). The end of day loads both.';
COMMENT ON COLUMN equity_types.priority IS 'critical, high, normal or low: the priority of all work.';
COMMENT ON COLUMN equity_types.priority_level IS 'The priority as a number, 1 (critical) to 4 (low); generated.';
COMMENT ON COLUMN equity_types.processing_rules IS 'data_sources (list); validation_rules: aum_minimum in US dollars, dollar_volume_threshold in US dollars and volume_threshold in shares (means of 20 sessions), expense_ratio_max as a fraction of assets a year (0.02 is 2 %); enrichment: nav_calculation, premium_discount, sector_allocation.';
COMMENT ON COLUMN equity_types.retry_config IS 'max_retries, 0 to 20; backoff_multiplier, 1 to 10: each wait is so many times the one before.';
COMMENT ON COLUMN equity_types.performance_targets IS 'processing_time_ms, milliseconds for each symbol; success_rate, per cent.';
COMMENT ON COLUMN equity_types.last_updated IS 'When the row last changed.';
COMMENT ON VIEW equity_types_enhanced IS 'equity_types under the name, the columns and the order that older consumers know; update_frequency stands inside processing_rules.';
COMMENT ON COLUMN equity_types_enhanced.equity_type IS 'See equity_types.equity_type.';
COMMENT ON COLUMN equity_types_enhanced.processing_rules IS 'See equity_types.processing_rules; with update_frequency.';
COMMENT ON COLUMN equity_types_enhanced.priority_level IS 'See equity_types.priority_level.';
COMMENT ON COLUMN equity_types_enhanced.retry_config IS 'See equity_types.retry_config.';
COMMENT ON COLUMN equity_types_enhanced.performance_targets IS 'See equity_types.performance_targets.';
COMMENT ON COLUMN equity_types_enhanced.last_updated IS 'See equity_types.last_updated.';

CREATE TABLE fair_values (
    security_id           bigint NOT NULL REFERENCES securities,
    session               date NOT NULL,
    ticker                text NOT NULL,
    fmv                   numeric(18, 6) NOT NULL,
    source                text NOT NULL,
    method                text NOT NULL,
    reference             text,
    beta                  double precision,
    last_session          date,
    last_close            numeric(18, 6),
    sessions_since_print  integer,
    valued_at             timestamptz NOT NULL,
    PRIMARY KEY (security_id, session),
    CONSTRAINT fair_values_positive CHECK (fmv > 0),
    CONSTRAINT fair_values_method_known CHECK (method IN ('reference', 'last_close', 'vendor')),
    CONSTRAINT fair_values_estimates_name_the_estimator CHECK ((source = 'estimator') = (method <> 'vendor')),
    CONSTRAINT fair_values_reference_with_beta CHECK (
        CASE method WHEN 'reference' THEN num_nulls(reference, beta) = 0 ELSE num_nonnulls(reference, beta) = 0 END),
    CONSTRAINT fair_values_estimates_have_a_print CHECK (
        method = 'vendor' OR num_nulls(last_session, last_close, sessions_since_print) = 0),
    CONSTRAINT fair_values_after_the_print CHECK (last_session < session AND sessions_since_print > 0)
);
CREATE INDEX fair_values_by_session ON fair_values (session);
GRANT SELECT, INSERT, UPDATE ON fair_values TO tickstock_writer;
COMMENT ON TABLE fair_values IS 'Every fair market value that ohlcv_daily was given for a session without a print, and how it was come by. Kept when a print arrives after all: the two together show how far off it was.';
COMMENT ON COLUMN fair_values.security_id IS 'The security.';
COMMENT ON COLUMN fair_values.session IS 'The session without a print.';
COMMENT ON COLUMN fair_values.ticker IS 'Its ticker on that session.';
COMMENT ON COLUMN fair_values.fmv IS 'The value, currency units per share, in prices of its session.';
COMMENT ON COLUMN fair_values.source IS 'estimator (ours), or the vendor''s name.';
COMMENT ON COLUMN fair_values.method IS 'reference (last close moved by beta × the reference''s return since), last_close (carried forward: too little history for a beta), or vendor.';
COMMENT ON COLUMN fair_values.reference IS 'Ticker whose return moved it; null for other methods.';
COMMENT ON COLUMN fair_values.beta IS 'Beta against the reference, after shrinking; null for other methods.';
COMMENT ON COLUMN fair_values.last_session IS 'Session of the last print before; of a vendor''s value null where we store none.';
COMMENT ON COLUMN fair_values.last_close IS 'Raw close of that print.';
COMMENT ON COLUMN fair_values.sessions_since_print IS 'Sessions from that print to this one.';
COMMENT ON COLUMN fair_values.valued_at IS 'When this version of the row was written.';
