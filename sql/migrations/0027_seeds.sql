-- Seeds of themes are members since the start. The log named 1900-01-01 for them, and events reported it to consumers:
-- now the log names no session, and no event reports what was never different.
ALTER TABLE sync_changes_log ALTER COLUMN session DROP NOT NULL;
UPDATE sync_changes_log SET session = NULL, event_id = NULL WHERE session = '1900-01-01';
DELETE FROM outbox WHERE channel = 'tickstock.universe.updated' AND event #>> '{data,session}' = '1900-01-01';
-- Outside of Dagster the run of an event is null now; those that wait, or are replayed, keep the promise as well.
UPDATE outbox SET event = jsonb_set(event, '{data,run_id}', 'null') WHERE event #>> '{data,run_id}' IN ('cli', 'sql');
COMMENT ON COLUMN sync_changes_log.session IS 'Session from which on it holds; null where it holds since the start, as for the seeds of a theme.';
COMMENT ON COLUMN sync_changes_log.event_id IS 'The tickstock.universe.updated event that reports it; null where none does: seeds, settings, an import that changes the past alone.';
COMMENT ON COLUMN universe_memberships.valid_from IS 'First session as a member; where it always was, a day before every session. etf_members and get_etf_universe give null there.';
COMMENT ON COLUMN universe_determinations.session IS 'Session from which on the members hold, until the next determined one; of the seeds, a day before every session.';
COMMENT ON COLUMN ticker_intervals.valid_from IS 'First date under this ticker; where nothing earlier is known, a day before every session.';
