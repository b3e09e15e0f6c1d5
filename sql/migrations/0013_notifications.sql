-- Notifications that Redis refuses, entries that a consumer lost, and a word to the dispatcher when there is something
-- to send.
CREATE TABLE dead_letters (
    event_id        uuid PRIMARY KEY REFERENCES outbox (event_id) ON DELETE CASCADE,
    position        bigint NOT NULL,
    channel         text NOT NULL,
    subject         text NOT NULL,
    error           text NOT NULL,
    attempts        integer NOT NULL,
    first_tried_at  timestamptz NOT NULL,
    last_tried_at   timestamptz NOT NULL,
    dead_at         timestamptz,
    resolved_at     timestamptz,
    resolution      text,
    CONSTRAINT dead_letters_resolution_known CHECK (resolution IN ('sent', 'dropped')),
    CONSTRAINT dead_letters_resolved_somehow CHECK ((resolved_at IS NULL) = (resolution IS NULL))
);
CREATE INDEX dead_letters_open ON dead_letters (subject) WHERE resolved_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON dead_letters TO tickstock_writer;
COMMENT ON TABLE dead_letters IS 'Events that Redis refused. While one is not resolved, the later events of its subject wait; all others pass.';
COMMENT ON COLUMN dead_letters.event_id IS 'The event, in outbox.';
COMMENT ON COLUMN dead_letters.position IS 'Its place in outbox: later ones of the subject wait behind it.';
COMMENT ON COLUMN dead_letters.channel IS 'Its channel.';
COMMENT ON COLUMN dead_letters.subject IS 'Its subject.';
COMMENT ON COLUMN dead_letters.error IS 'Why Redis refused it the last time.';
COMMENT ON COLUMN dead_letters.attempts IS 'How often it was refused since it was first tried or released.';
COMMENT ON COLUMN dead_letters.first_tried_at IS 'When it was refused first.';
COMMENT ON COLUMN dead_letters.last_tried_at IS 'When it was refused last.';
COMMENT ON COLUMN dead_letters.dead_at IS 'When it was given up: it is no longer tried. Null while it is.';
COMMENT ON COLUMN dead_letters.resolved_at IS 'When it was sent after all, or dropped; null until then.';
COMMENT ON COLUMN dead_letters.resolution IS 'sent or dropped.';

CREATE TABLE stream_alerts (
    stream          text NOT NULL,
    consumer_group  text NOT NULL,
    entries         bigint NOT NULL,
    first_at        timestamptz NOT NULL,
    last_at         timestamptz NOT NULL,
    from_position   bigint,
    PRIMARY KEY (stream, consumer_group)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON stream_alerts TO tickstock_writer;
COMMENT ON TABLE stream_alerts IS 'Consumer groups from which a full Redis stream cut entries that they had not finished. Replay brings them back.';
COMMENT ON COLUMN stream_alerts.stream IS 'The stream.';
COMMENT ON COLUMN stream_alerts.consumer_group IS 'The group.';
COMMENT ON COLUMN stream_alerts.entries IS 'Entries that it was short of when it was told last, at least.';
COMMENT ON COLUMN stream_alerts.first_at IS 'When this was seen first.';
COMMENT ON COLUMN stream_alerts.last_at IS 'When it was seen last, at most an hour ago while it lasts.';
COMMENT ON COLUMN stream_alerts.from_position IS 'Position in outbox from which a replay has everything that is missing.';

CREATE FUNCTION announce_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Sent when the transaction commits, and once per transaction however many events it writes.
    PERFORM pg_notify('tickstock_outbox', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER outbox_announce AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION announce_outbox();
COMMENT ON FUNCTION announce_outbox() IS 'Tells whoever listens on tickstock_outbox that events were committed.';
