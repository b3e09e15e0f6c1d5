-- Trading sessions as the pinned library knows them, and the corrections that need no release.
CREATE TABLE market_calendar (
    calendar         text NOT NULL,
    session          date NOT NULL,
    opens_at         timestamptz NOT NULL,
    closes_at        timestamptz NOT NULL,
    is_early_close   boolean NOT NULL,
    PRIMARY KEY (calendar, session),
    CONSTRAINT market_calendar_opens_before_it_closes CHECK (closes_at > opens_at)
);

CREATE TABLE market_calendar_overrides (
    override_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    calendar     text NOT NULL,
    session      date NOT NULL,
    action       text NOT NULL,
    opens_at     timestamptz,
    closes_at    timestamptz,
    reason       text NOT NULL,
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    CONSTRAINT market_calendar_overrides_action_known CHECK (action IN ('add', 'remove', 'close_at')),
    CONSTRAINT market_calendar_overrides_times CHECK (
        CASE action WHEN 'add' THEN num_nulls(opens_at, closes_at) = 0
                    WHEN 'close_at' THEN closes_at IS NOT NULL AND opens_at IS NULL
                    ELSE num_nonnulls(opens_at, closes_at) = 0 END),
    CONSTRAINT market_calendar_overrides_opens_before_it_closes CHECK (closes_at > opens_at)
);
CREATE UNIQUE INDEX market_calendar_overrides_one_in_force
    ON market_calendar_overrides (calendar, session) WHERE revoked_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON market_calendar TO tickstock_writer;
GRANT SELECT, INSERT, UPDATE ON market_calendar_overrides TO tickstock_writer;

COMMENT ON TABLE market_calendar IS 'Sessions of each calendar from the pinned library, overrides applied.';
COMMENT ON COLUMN market_calendar.calendar IS 'MIC of the calendar: XNYS (NASDAQ too), XTKS, XLON, XETR.';
COMMENT ON COLUMN market_calendar.session IS 'Trading date.';
COMMENT ON COLUMN market_calendar.opens_at IS 'Opening of the regular session.';
COMMENT ON COLUMN market_calendar.closes_at IS 'Close of the regular session.';
COMMENT ON COLUMN market_calendar.is_early_close IS 'Whether it closes before the usual time of its era.';
COMMENT ON TABLE market_calendar_overrides IS 'Unscheduled closures, extra sessions and changed closes; obeyed at the next tick. Revoked, never deleted.';
COMMENT ON COLUMN market_calendar_overrides.override_id IS 'Surrogate identity.';
COMMENT ON COLUMN market_calendar_overrides.calendar IS 'MIC of the calendar.';
COMMENT ON COLUMN market_calendar_overrides.session IS 'The date that changes.';
COMMENT ON COLUMN market_calendar_overrides.action IS 'add a session, remove one, or close_at another time.';
COMMENT ON COLUMN market_calendar_overrides.opens_at IS 'Opening of an added session.';
COMMENT ON COLUMN market_calendar_overrides.closes_at IS 'Close of an added session, or the changed close.';
COMMENT ON COLUMN market_calendar_overrides.reason IS 'Why.';
COMMENT ON COLUMN market_calendar_overrides.created_by IS 'Who.';
COMMENT ON COLUMN market_calendar_overrides.created_at IS 'When.';
COMMENT ON COLUMN market_calendar_overrides.revoked_at IS 'When it was taken back; null while in force.';
