-- Every expected cell (security × session) is a stored bar or a row here that says why not.
CREATE TABLE bar_gaps (
    security_id  bigint NOT NULL REFERENCES securities,
    session      date NOT NULL,
    ticker       text NOT NULL,
    reason       text NOT NULL,
    is_final     boolean NOT NULL GENERATED ALWAYS AS (reason IN ('no_trade', 'halted')) STORED,
    evidence     text NOT NULL,
    source       text NOT NULL,
    noticed_at   timestamptz NOT NULL,
    retry_at     timestamptz,
    PRIMARY KEY (security_id, session),
    CONSTRAINT bar_gaps_reason_known CHECK (
        reason IN ('no_trade', 'halted', 'vendor_late', 'vendor_missing', 'not_entitled', 'quarantined')),
    CONSTRAINT bar_gaps_open_reasons_are_retried CHECK ((reason IN ('no_trade', 'halted')) = (retry_at IS NULL))
);
CREATE INDEX bar_gaps_by_session ON bar_gaps (session);

CREATE TABLE quarantined_bars (
    quarantine_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticker          text NOT NULL,
    session         date,
    security_id     bigint REFERENCES securities,
    reason          text NOT NULL,
    row             jsonb NOT NULL,
    source          text NOT NULL,
    unit_id         text NOT NULL,
    quarantined_at  timestamptz NOT NULL,
    resolved_at     timestamptz,
    CONSTRAINT quarantined_bars_once UNIQUE NULLS NOT DISTINCT (ticker, session, source, row)
);
CREATE INDEX quarantined_bars_open ON quarantined_bars (security_id, session) WHERE resolved_at IS NULL;

CREATE TABLE bar_restatements (
    restatement_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    security_id       bigint NOT NULL REFERENCES securities,
    session           date NOT NULL,
    changed           text[] NOT NULL,
    old_open          numeric(18, 6),
    old_high          numeric(18, 6),
    old_low           numeric(18, 6),
    old_close         numeric(18, 6),
    old_volume        bigint NOT NULL,
    old_vwap          numeric(18, 6),
    old_transactions  bigint,
    old_fmv           numeric(18, 6),
    old_is_fmv        boolean NOT NULL,
    old_source        text NOT NULL,
    old_status        text NOT NULL,
    known_from        timestamptz NOT NULL,
    known_to          timestamptz NOT NULL
);
CREATE INDEX bar_restatements_by_cell ON bar_restatements (security_id, session);

GRANT SELECT, INSERT, UPDATE, DELETE ON bar_gaps TO tickstock_writer;
GRANT SELECT, INSERT, UPDATE ON quarantined_bars TO tickstock_writer;
GRANT SELECT, INSERT ON bar_restatements TO tickstock_writer;

COMMENT ON TABLE bar_gaps IS 'Expected bars that are not stored, each with the reason. market_closed, not_listed and delisted are derived from the calendar and ticker_intervals and never stand here.';
COMMENT ON COLUMN bar_gaps.security_id IS 'The security.';
COMMENT ON COLUMN bar_gaps.session IS 'The session without a bar.';
COMMENT ON COLUMN bar_gaps.ticker IS 'Ticker on that session.';
COMMENT ON COLUMN bar_gaps.reason IS 'Final: no_trade, halted. Open: vendor_late, vendor_missing, not_entitled, quarantined.';
COMMENT ON COLUMN bar_gaps.is_final IS 'Whether the reason takes the cell out of the expectation; open reasons count as missing.';
COMMENT ON COLUMN bar_gaps.evidence IS 'What makes us say so, in words.';
COMMENT ON COLUMN bar_gaps.source IS 'The source that was asked.';
COMMENT ON COLUMN bar_gaps.noticed_at IS 'When the gap was first explained with this reason.';
COMMENT ON COLUMN bar_gaps.retry_at IS 'Not asked again before this time; null for final reasons.';
COMMENT ON TABLE quarantined_bars IS 'Rows that broke an invariant, as received, with every rule that they broke.';
COMMENT ON COLUMN quarantined_bars.quarantine_id IS 'Surrogate identity.';
COMMENT ON COLUMN quarantined_bars.ticker IS 'Ticker as received.';
COMMENT ON COLUMN quarantined_bars.session IS 'Session as received; null where the row had none.';
COMMENT ON COLUMN quarantined_bars.security_id IS 'The security that held the ticker then; null where none did.';
COMMENT ON COLUMN quarantined_bars.reason IS 'The broken rules, joined by "; ".';
COMMENT ON COLUMN quarantined_bars.row IS 'The row as received.';
COMMENT ON COLUMN quarantined_bars.source IS 'Where it came from.';
COMMENT ON COLUMN quarantined_bars.unit_id IS 'The work unit that received it first.';
COMMENT ON COLUMN quarantined_bars.quarantined_at IS 'When it was received first.';
COMMENT ON COLUMN quarantined_bars.resolved_at IS 'When a good row for the same cell was stored.';
COMMENT ON TABLE bar_restatements IS 'Former values of bars that the vendor corrected; append-only.';
COMMENT ON COLUMN bar_restatements.restatement_id IS 'Surrogate identity.';
COMMENT ON COLUMN bar_restatements.security_id IS 'The security.';
COMMENT ON COLUMN bar_restatements.session IS 'The session whose bar changed.';
COMMENT ON COLUMN bar_restatements.changed IS 'Names of the columns whose values changed.';
COMMENT ON COLUMN bar_restatements.old_open IS 'Open before the correction.';
COMMENT ON COLUMN bar_restatements.old_high IS 'High before the correction.';
COMMENT ON COLUMN bar_restatements.old_low IS 'Low before the correction.';
COMMENT ON COLUMN bar_restatements.old_close IS 'Close before the correction.';
COMMENT ON COLUMN bar_restatements.old_volume IS 'Volume before the correction.';
COMMENT ON COLUMN bar_restatements.old_vwap IS 'VWAP before the correction.';
COMMENT ON COLUMN bar_restatements.old_transactions IS 'Number of trades before the correction.';
COMMENT ON COLUMN bar_restatements.old_fmv IS 'Fair market value before the correction.';
COMMENT ON COLUMN bar_restatements.old_is_fmv IS 'Whether only an FMV spoke before.';
COMMENT ON COLUMN bar_restatements.old_source IS 'Source of the former values.';
COMMENT ON COLUMN bar_restatements.old_status IS 'Status of the former values.';
COMMENT ON COLUMN bar_restatements.known_from IS 'From when we held the former values.';
COMMENT ON COLUMN bar_restatements.known_to IS 'When the correction was stored.';
