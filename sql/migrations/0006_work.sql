-- The ledger of work: units that commit with their rows, the calls they cost, and the vendor's rate.
CREATE TABLE work_units (
    unit_id        text PRIMARY KEY,
    kind           text NOT NULL,
    market         text NOT NULL,
    source         text NOT NULL,
    subject        text NOT NULL,
    first_session  date NOT NULL,
    last_session   date NOT NULL,
    priority       smallint NOT NULL DEFAULT 2,
    status         text NOT NULL,
    attempts       integer NOT NULL DEFAULT 0,
    cells          integer NOT NULL DEFAULT 0,
    rows           integer NOT NULL DEFAULT 0,
    run_id         text NOT NULL,
    error          text,
    planned_at     timestamptz NOT NULL,
    started_at     timestamptz,
    finished_at    timestamptz,
    CONSTRAINT work_units_kind_known CHECK (
        kind IN ('range', 'grouped', 'flat_file', 'listings', 'splits', 'dividends', 'session')),
    CONSTRAINT work_units_status_known CHECK (status IN ('pending', 'done', 'failed')),
    CONSTRAINT work_units_priority_known CHECK (priority IN (1, 2, 5, 10)),
    CONSTRAINT work_units_range CHECK (last_session >= first_session),
    CONSTRAINT work_units_failed_says_why CHECK ((status = 'failed') = (error IS NOT NULL))
);
CREATE INDEX work_units_by_run ON work_units (run_id, status);

CREATE TABLE vendor_calls (
    call_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    called_at   timestamptz NOT NULL,
    source      text NOT NULL,
    endpoint    text NOT NULL,
    status      integer,
    rows        integer NOT NULL,
    elapsed_ms  double precision NOT NULL,
    attempt     integer NOT NULL,
    outcome     text NOT NULL,
    run_id      text
);
CREATE INDEX vendor_calls_by_time ON vendor_calls (called_at);

CREATE TABLE vendor_rate_limits (
    bucket  text PRIMARY KEY,
    slots   timestamptz[] NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON work_units TO tickstock_writer;
GRANT SELECT, INSERT ON vendor_calls TO tickstock_writer;
GRANT SELECT, INSERT, UPDATE ON vendor_rate_limits TO tickstock_writer;

COMMENT ON TABLE work_units IS 'Ledger of work: a unit is one request to a source, and is done in the transaction that stores its rows.';
COMMENT ON COLUMN work_units.unit_id IS 'Deterministic: hash of kind, market, source, subject and sessions.';
COMMENT ON COLUMN work_units.kind IS 'range (one ticker, many sessions), grouped (one session, all tickers), flat_file, listings, splits, dividends, or session (a session declared complete).';
COMMENT ON COLUMN work_units.market IS 'MIC of the calendar.';
COMMENT ON COLUMN work_units.source IS 'The source asked.';
COMMENT ON COLUMN work_units.subject IS 'The ticker, or * for the whole market.';
COMMENT ON COLUMN work_units.first_session IS 'First session asked for.';
COMMENT ON COLUMN work_units.last_session IS 'Last session asked for.';
COMMENT ON COLUMN work_units.priority IS 'critical 10, high 5, normal 2, low 1.';
COMMENT ON COLUMN work_units.status IS 'pending, done or failed.';
COMMENT ON COLUMN work_units.attempts IS 'How often it was brought to an end, well or badly.';
COMMENT ON COLUMN work_units.cells IS 'Missing cells that it was to fill.';
COMMENT ON COLUMN work_units.rows IS 'Good rows in its last answer.';
COMMENT ON COLUMN work_units.run_id IS 'The Dagster run that planned it last.';
COMMENT ON COLUMN work_units.error IS 'Why it failed.';
COMMENT ON COLUMN work_units.planned_at IS 'When it was planned last.';
COMMENT ON COLUMN work_units.started_at IS 'When it was asked for last.';
COMMENT ON COLUMN work_units.finished_at IS 'When it ended last.';
COMMENT ON TABLE vendor_calls IS 'Every request made to a vendor; no query strings, no keys.';
COMMENT ON COLUMN vendor_calls.call_id IS 'Surrogate identity.';
COMMENT ON COLUMN vendor_calls.called_at IS 'When the request was sent.';
COMMENT ON COLUMN vendor_calls.source IS 'The source asked.';
COMMENT ON COLUMN vendor_calls.endpoint IS 'Path of the request without its query.';
COMMENT ON COLUMN vendor_calls.status IS 'HTTP status; null where no answer came.';
COMMENT ON COLUMN vendor_calls.rows IS 'Rows in the answer.';
COMMENT ON COLUMN vendor_calls.elapsed_ms IS 'Milliseconds from sending to the last byte.';
COMMENT ON COLUMN vendor_calls.attempt IS '1 for the first try of a call.';
COMMENT ON COLUMN vendor_calls.outcome IS 'ok, or the name of the error.';
COMMENT ON COLUMN vendor_calls.run_id IS 'The Dagster run, where there was one.';
COMMENT ON TABLE vendor_rate_limits IS 'Moving windows of the vendors'' rate limits, shared by all processes.';
COMMENT ON COLUMN vendor_rate_limits.bucket IS 'Hash of the key and its rate; never the key.';
COMMENT ON COLUMN vendor_rate_limits.slots IS 'Times of the last reserved requests, oldest first; as many as one window allows.';
