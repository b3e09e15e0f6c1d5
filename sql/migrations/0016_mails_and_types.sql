-- Which notifications the administrators get by mail, and how far that is.
CREATE TABLE admin_mails (
    event_id     uuid PRIMARY KEY REFERENCES outbox (event_id) ON DELETE CASCADE,
    noted_at     timestamptz NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL,
    last_error   text,
    sent_at      timestamptz,
    CONSTRAINT admin_mails_attempts_not_negative CHECK (attempts >= 0)
);
CREATE INDEX admin_mails_waiting ON admin_mails (next_try_at) WHERE sent_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON admin_mails TO tickstock_writer;
COMMENT ON TABLE admin_mails IS 'Events of which the administrators are told by mail, one mail each; they leave with their event.';
COMMENT ON COLUMN admin_mails.event_id IS 'The event, in outbox.';
COMMENT ON COLUMN admin_mails.noted_at IS 'When it was noted as one to mail.';
COMMENT ON COLUMN admin_mails.attempts IS 'How often sending was tried.';
COMMENT ON COLUMN admin_mails.next_try_at IS 'Not tried again before this time.';
COMMENT ON COLUMN admin_mails.last_error IS 'Why the last try failed; without any secret.';
COMMENT ON COLUMN admin_mails.sent_at IS 'When the mail server had taken it; null until then.';
