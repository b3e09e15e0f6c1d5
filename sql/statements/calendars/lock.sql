-- One change of the calendars at a time: an override and the copy for readers must not cross. Given back at the end of the
-- transaction.
SELECT pg_advisory_xact_lock(hashtext('tickstock calendars'))
