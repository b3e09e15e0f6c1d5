-- What is tracked has a first session: expectation is stated, not inferred from what somebody once asked for.
ALTER TABLE cache_entries ADD COLUMN track_from date;

-- Until now every session was expected, and what nobody had asked for was overlooked. So a universe that is tracked has
-- begun on the first session on which half of its present members have a bar or a gap; with none stored, today.
WITH members AS (
    SELECT c.key, held.security_id
    FROM cache_entries AS c
    CROSS JOIN LATERAL jsonb_array_elements_text(c.value) AS member (ticker)
    CROSS JOIN LATERAL (
        SELECT i.security_id FROM ticker_intervals AS i
        WHERE i.ticker = member.ticker ORDER BY i.valid_from DESC LIMIT 1) AS held
    WHERE c.track
), cells AS (
    SELECT security_id, session FROM ohlcv_daily WHERE EXISTS (SELECT FROM members)
    UNION
    SELECT security_id, session FROM bar_gaps WHERE EXISTS (SELECT FROM members)
), begun AS (
    SELECT m.key, cells.session
    FROM members AS m
    JOIN cells USING (security_id)
    GROUP BY m.key, cells.session
    HAVING 2 * count(*) >= (SELECT count(*) FROM members AS all_members WHERE all_members.key = m.key)
)
UPDATE cache_entries AS c
SET track_from = coalesce((SELECT min(b.session) FROM begun AS b WHERE b.key = c.key), current_date)
WHERE c.track;

ALTER TABLE cache_entries ADD CONSTRAINT cache_entries_tracked_from_a_session CHECK (NOT track OR track_from IS NOT NULL);
COMMENT ON COLUMN cache_entries.track IS 'Whether its members'' bars are expected, on every session from track_from on.';
COMMENT ON COLUMN cache_entries.track_from IS 'First session on which its members'' bars are expected: set when it is tracked, moved back by a load that asks for the sessions before it. Kept while it is not tracked; null where it never was.';
