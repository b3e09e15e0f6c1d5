-- Bars of other sources, beside the stored ones, as they came: to be compared, never to be averaged.
CREATE TABLE bar_candidates (
    security_id  bigint NOT NULL REFERENCES securities,
    session      date NOT NULL,
    source       text NOT NULL,
    ticker       text NOT NULL,
    adjusted     boolean NOT NULL,
    venue        text,
    open         numeric(18, 6) NOT NULL,
    high         numeric(18, 6) NOT NULL,
    low          numeric(18, 6) NOT NULL,
    close        numeric(18, 6) NOT NULL,
    volume       numeric(24, 6) NOT NULL,
    compared_at  timestamptz NOT NULL,
    PRIMARY KEY (security_id, session, source),
    CONSTRAINT bar_candidates_prices_positive CHECK (least(open, high, low, close) > 0),
    CONSTRAINT bar_candidates_volume_not_negative CHECK (volume >= 0)
);
CREATE INDEX bar_candidates_by_session ON bar_candidates (session);
GRANT SELECT, INSERT, UPDATE ON bar_candidates TO tickstock_writer;
GRANT SELECT ON bar_candidates TO tickstock_app;
COMMENT ON TABLE bar_candidates IS 'Bars of other sources than the stored ones, as they came; ohlcv_daily keeps one, and none is averaged.';
COMMENT ON COLUMN bar_candidates.security_id IS 'The security.';
COMMENT ON COLUMN bar_candidates.session IS 'The session.';
COMMENT ON COLUMN bar_candidates.source IS 'Whose bar: a vendor''s name with the kind of its answer, or files:HASH by the content of a file.';
COMMENT ON COLUMN bar_candidates.ticker IS 'The ticker under which it came.';
COMMENT ON COLUMN bar_candidates.adjusted IS 'Whether the source has adjusted it for splits or more.';
COMMENT ON COLUMN bar_candidates.venue IS 'MIC of the one exchange whose trades it has; null for a consolidated bar.';
COMMENT ON COLUMN bar_candidates.open IS 'Currency units per share, as the source has it.';
COMMENT ON COLUMN bar_candidates.high IS 'Currency units per share.';
COMMENT ON COLUMN bar_candidates.low IS 'Currency units per share.';
COMMENT ON COLUMN bar_candidates.close IS 'Currency units per share.';
COMMENT ON COLUMN bar_candidates.volume IS 'Shares.';
COMMENT ON COLUMN bar_candidates.compared_at IS 'When it was compared last.';
