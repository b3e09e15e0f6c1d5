-- Maintenance after every session is light; on closed days it is intensive. Until now all of it was.
ALTER TABLE maintenance_runs ADD COLUMN kind text NOT NULL DEFAULT 'intensive';
ALTER TABLE maintenance_runs ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE maintenance_runs ADD CONSTRAINT maintenance_runs_kind_known CHECK (kind IN ('light', 'intensive'));

COMMENT ON COLUMN maintenance_runs.kind IS 'light: after a session. intensive: on closed days.';
COMMENT ON COLUMN maintenance_runs.session IS 'The session that it followed; for intensive maintenance, the last one before the closed days.';
COMMENT ON COLUMN maintenance_runs.tables IS 'By table: bytes before and after, seconds of its VACUUM (light: of its ANALYZE), or why there was none.';
COMMENT ON COLUMN maintenance_runs.bytes_before IS 'Bytes of all tables with their indexes before; light: of those that were analysed.';
