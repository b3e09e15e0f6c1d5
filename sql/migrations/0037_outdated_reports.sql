-- What has changed since a session was reported on is looked for every minute.
CREATE INDEX bar_restatements_by_session ON bar_restatements (session, known_to);
CREATE INDEX quality_reports_lacking ON quality_reports (session, security_id) WHERE missing_sessions > 0;

-- Its successor is told which bars were judged.
DROP FUNCTION IF EXISTS set_bars_aside(bigint[], date[], text[], text, timestamptz, timestamptz[]);
