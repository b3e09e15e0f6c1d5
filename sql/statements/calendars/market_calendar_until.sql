-- The last session in the copy for readers, by calendar: one look-up by the key for each; null where none is copied.
SELECT c.calendar, (SELECT max(m.session) FROM market_calendar AS m WHERE m.calendar = c.calendar)
FROM unnest(%(calendars)s::text[]) AS c (calendar)
