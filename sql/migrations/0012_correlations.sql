-- Rolling correlations of ETFs with their references.
CREATE TABLE etf_correlations (
    session      date NOT NULL,
    security_id  bigint NOT NULL REFERENCES securities,
    ticker       text NOT NULL,
    reference    text NOT NULL,
    sessions     smallint NOT NULL,
    correlation  double precision NOT NULL,
    known_at     timestamptz NOT NULL,
    PRIMARY KEY (session, security_id, reference, sessions),
    CONSTRAINT etf_correlations_in_range CHECK (correlation BETWEEN -1 AND 1),
    CONSTRAINT etf_correlations_window_known CHECK (sessions IN (60, 252))
);
GRANT SELECT, INSERT, UPDATE ON etf_correlations TO tickstock_writer;
COMMENT ON TABLE etf_correlations IS 'Correlation of an ETF''s daily total returns with a reference''s, over the sessions up to and including one.';
COMMENT ON COLUMN etf_correlations.session IS 'Last session of the window.';
COMMENT ON COLUMN etf_correlations.security_id IS 'The ETF.';
COMMENT ON COLUMN etf_correlations.ticker IS 'Its ticker on that session.';
COMMENT ON COLUMN etf_correlations.reference IS 'Ticker of the reference: SPY, IWM, or the ETF''s own correlation_reference.';
COMMENT ON COLUMN etf_correlations.sessions IS 'Length of the window, in sessions: 60 or 252.';
COMMENT ON COLUMN etf_correlations.correlation IS 'Pearson''s correlation of daily returns on adjusted prices, -1 to 1.';
COMMENT ON COLUMN etf_correlations.known_at IS 'When this value was written.';

CREATE TABLE etf_correlations_told (
    security_id  bigint NOT NULL REFERENCES securities,
    reference    text NOT NULL,
    sessions     smallint NOT NULL,
    session      date NOT NULL,
    correlation  double precision NOT NULL,
    told_at      timestamptz NOT NULL,
    PRIMARY KEY (security_id, reference, sessions)
);
GRANT SELECT, INSERT, UPDATE ON etf_correlations_told TO tickstock_writer;
COMMENT ON TABLE etf_correlations_told IS 'The correlation of which consumers were told last: the next event comes when a value differs from it by more than the step.';
COMMENT ON COLUMN etf_correlations_told.security_id IS 'The ETF.';
COMMENT ON COLUMN etf_correlations_told.reference IS 'Ticker of the reference.';
COMMENT ON COLUMN etf_correlations_told.sessions IS 'Length of the window, in sessions.';
COMMENT ON COLUMN etf_correlations_told.session IS 'Session of the value told.';
COMMENT ON COLUMN etf_correlations_told.correlation IS 'The value told.';
COMMENT ON COLUMN etf_correlations_told.told_at IS 'When the event was written.';
