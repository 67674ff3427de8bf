-- One row: what there is to do about validations as of at_s (epoch seconds). expiring_30d: valid validations that end
-- within 30 days; changes_30d: infrastructure changes dated within the last 30 days.
-- inlines: validity_brief, revalidation_queue, infrastructure_changes
CREATE OR REPLACE VIEW dashboard_work AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT *
FROM
(
    SELECT
        count() AS validations,
        countIf(v.is_valid) AS valid_validations,
        countIf(v.is_valid AND v.expires_at <= at + toIntervalDay(30)) AS expiring_30d
    FROM validity_brief(at_s = {at_s:Float64}) AS v
) AS s
CROSS JOIN
(
    SELECT
        countIf(status = 'pending') AS queue_pending,
        countIf(status = 'in_progress') AS queue_in_progress,
        countIf(is_open AND ifNull(due_at < at, false)) AS queue_overdue
    FROM revalidation_queue(at_s = {at_s:Float64})
) AS q
CROSS JOIN
(
    SELECT countIf(change_date > at - toIntervalDay(30) AND change_date <= at) AS changes_30d
    FROM infrastructure_changes(at_s = {at_s:Float64})
) AS c
SETTINGS join_use_nulls = 0;
