-- Units in the order of urgency, as units_lease has it; two of them never change places while they wait.
SELECT u.unit_id
FROM unnest(%(unit_ids)s::text[]) WITH ORDINALITY AS w (unit_id, position)
JOIN work_units AS u USING (unit_id)
ORDER BY extract(epoch FROM u.planned_at - timestamptz '2000-01-01 00:00:00+00') - 900 * u.priority, w.position
