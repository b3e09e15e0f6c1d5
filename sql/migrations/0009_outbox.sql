-- Events, written in the transaction of the change that they tell of, and sent to Redis afterwards.
CREATE TABLE outbox (
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid NOT NULL UNIQUE,
    channel      text NOT NULL,
    subject      text NOT NULL,
    event        jsonb NOT NULL,
    occurred_at  timestamptz NOT NULL,
    sent_at      timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    last_error   text,
    CONSTRAINT outbox_event_is_an_object CHECK (jsonb_typeof(event) = 'object')
);
CREATE INDEX outbox_unsent ON outbox (position) WHERE sent_at IS NULL;
CREATE INDEX outbox_by_time ON outbox (occurred_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO tickstock_writer;

COMMENT ON TABLE outbox IS 'Transactional outbox: every notification, sent or not, kept 90 days for replay.';
COMMENT ON COLUMN outbox.position IS 'Order of writing.';
COMMENT ON COLUMN outbox.event_id IS 'CloudEvents id; consumers de-duplicate by it.';
COMMENT ON COLUMN outbox.channel IS 'Redis channel and stream: tickstock.eod.complete, …';
COMMENT ON COLUMN outbox.subject IS 'What it is about; order is kept per subject.';
COMMENT ON COLUMN outbox.event IS 'The CloudEvents 1.0 envelope with its data.';
COMMENT ON COLUMN outbox.occurred_at IS 'When the change happened.';
COMMENT ON COLUMN outbox.sent_at IS 'When Redis had taken it; null until then.';
COMMENT ON COLUMN outbox.attempts IS 'How often sending was tried.';
COMMENT ON COLUMN outbox.last_error IS 'Why the last try failed.';
