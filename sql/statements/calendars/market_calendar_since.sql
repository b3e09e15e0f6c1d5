-- The first session in the copy for readers, by calendar: one look-up by the key for each; null where none is copied.
SELECT c.calendar, (SELECT min(m.session) FROM market_calendar AS m WHERE m.calendar = c.calendar)
FROM unnest(%(calendars)s::text[]) AS c (calendar)
