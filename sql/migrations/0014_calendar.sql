-- Who takes an override back and why, and where the calendar and its witnesses disagree.
ALTER TABLE market_calendar_overrides ADD COLUMN revoked_by text;
ALTER TABLE market_calendar_overrides ADD COLUMN revoked_reason text;
ALTER TABLE market_calendar_overrides ADD CONSTRAINT market_calendar_overrides_revoked_with_time
    CHECK (revoked_at IS NOT NULL OR num_nonnulls(revoked_by, revoked_reason) = 0);

CREATE TABLE calendar_disagreements (
    disagreement_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    calendar         text NOT NULL,
    session          date NOT NULL,
    witness          text NOT NULL,
    ours             text NOT NULL,
    theirs           text NOT NULL,
    overridden       boolean NOT NULL,
    noticed_at       timestamptz NOT NULL,
    resolved_at      timestamptz,
    CONSTRAINT calendar_disagreements_differ CHECK (ours <> theirs)
);
CREATE UNIQUE INDEX calendar_disagreements_one_open
    ON calendar_disagreements (calendar, session, witness) WHERE resolved_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON calendar_disagreements TO tickstock_writer;

COMMENT ON COLUMN market_calendar_overrides.revoked_by IS 'Who took it back; null while in force.';
COMMENT ON COLUMN market_calendar_overrides.revoked_reason IS 'Why it was taken back, or by what it was replaced.';
COMMENT ON TABLE calendar_disagreements IS 'Days on which the calendar in force and a witness (second library, vendor, traded volume) say different things. Resolved, never deleted.';
COMMENT ON COLUMN calendar_disagreements.disagreement_id IS 'Surrogate identity.';
COMMENT ON COLUMN calendar_disagreements.calendar IS 'MIC of the calendar.';
COMMENT ON COLUMN calendar_disagreements.session IS 'The date they disagree about.';
COMMENT ON COLUMN calendar_disagreements.witness IS 'Who says otherwise: exchange_calendars, massive NYSE, stored bars, …';
COMMENT ON COLUMN calendar_disagreements.ours IS 'What the calendar in force says, in local times.';
COMMENT ON COLUMN calendar_disagreements.theirs IS 'What the witness says.';
COMMENT ON COLUMN calendar_disagreements.overridden IS 'Whether an override is in force that day: a person decided, and the library was known to be wrong.';
COMMENT ON COLUMN calendar_disagreements.noticed_at IS 'When it was seen first.';
COMMENT ON COLUMN calendar_disagreements.resolved_at IS 'When the witness was asked again and agreed; null while it stands.';
