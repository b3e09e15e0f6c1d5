-- Securities that files of bars alone have shown: no list of a vendor is expected to contain them.
ALTER TABLE securities ADD COLUMN on_lists boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN securities.on_lists IS 'Whether a ticker list has shown it; false while only files of bars have. What no list has shown, no list is expected to contain.';
