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

-- Types that are not processed at all, and how each security is processed.
ALTER TABLE equity_types DROP CONSTRAINT equity_types_update_frequency_known;
ALTER TABLE equity_types ADD CONSTRAINT equity_types_update_frequency_known
    CHECK (update_frequency IN ('realtime', 'eod', 'none'));
COMMENT ON COLUMN equity_types.update_frequency IS 'realtime (followed during the session as well), eod (after the close only) or none (not processed: no bar is expected). The end of day loads realtime and eod.';

CREATE VIEW securities_processing AS
SELECT
    s.security_id,
    t.equity_type,
    t.update_frequency,
    t.priority_level,
    (t.retry_config ->> 'max_retries')::integer AS max_retries,
    (t.retry_config ->> 'backoff_multiplier')::double precision AS backoff_multiplier
FROM securities AS s
LEFT JOIN equity_types AS known ON known.equity_type = s.equity_type
JOIN equity_types AS t ON t.equity_type = coalesce(known.equity_type, 'OTHER');
GRANT SELECT ON securities_processing TO tickstock_writer, tickstock_app;
COMMENT ON VIEW securities_processing IS 'How each security is processed: the rules of its type as they are now, those of OTHER where the type is unknown.';
COMMENT ON COLUMN securities_processing.security_id IS 'The security.';
COMMENT ON COLUMN securities_processing.equity_type IS 'The type whose rules hold.';
COMMENT ON COLUMN securities_processing.update_frequency IS 'See equity_types.update_frequency.';
COMMENT ON COLUMN securities_processing.priority_level IS 'See equity_types.priority_level.';
COMMENT ON COLUMN securities_processing.max_retries IS 'How often an absent bar is asked for again on the session''s evening.';
COMMENT ON COLUMN securities_processing.backoff_multiplier IS 'Each wait is so many times the one before.';

ALTER TABLE bar_gaps ADD COLUMN answers integer NOT NULL DEFAULT 0;
ALTER TABLE bar_gaps ADD CONSTRAINT bar_gaps_answers_not_negative CHECK (answers >= 0);
COMMENT ON COLUMN bar_gaps.answers IS 'How many good answers had no such bar; the type''s retry_config counts by it.';
