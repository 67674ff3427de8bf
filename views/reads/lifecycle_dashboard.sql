-- One row: the detection lifecycle at a glance as of at_s (epoch seconds). Assets are those that count; candidates
-- stand apart. Techniques are the active enterprise ones. expiring_30d: valid validations that end within 30 days;
-- orphans: techniques without an owner; changes_30d: infrastructure changes dated within the last 30 days.
-- after: asset_status, technique_confidence, validity, revalidation_queue, technique_owners, infrastructure_changes
CREATE OR REPLACE VIEW lifecycle_dashboard AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT *
FROM
(
    SELECT
        countIf(is_counted) AS assets,
        countIf(is_counted AND is_active) AS active_assets,
        countIf(NOT is_counted) AS candidates,
        countIf(is_counted AND health_status = 'untested') AS untested_assets,
        countIf(is_counted AND health_status = 'noisy') AS noisy_assets,
        countIf(is_counted AND health_status = 'silent') AS silent_assets,
        countIf(is_counted AND health_status = 'healthy') AS healthy_assets
    FROM asset_status(at_s = {at_s:Float64})
) AS a
CROSS JOIN
(
    SELECT
        count() AS techniques,
        countIf(status = 'validated') AS validated,
        countIf(status = 'partial') AS partial,
        if(techniques = 0, NULL, (validated + 0.5 * partial) / techniques * 100) AS coverage_pct,
        countIf(level = 'unknown') AS unknown_confidence,
        countIf(level = 'very_low') AS very_low_confidence,
        countIf(level = 'low') AS low_confidence,
        countIf(level = 'medium') AS medium_confidence,
        countIf(level = 'high') AS high_confidence,
        if(techniques = unknown_confidence, NULL, avgIf(score, level != 'unknown')) AS score_mean,
        countIf(technique_id NOT IN (SELECT technique_id FROM technique_owners(at_s = {at_s:Float64}))) AS orphans
    FROM technique_confidence(at_s = {at_s:Float64})
    WHERE domain = 'enterprise-attack'
) AS t
CROSS JOIN
(
    SELECT
        count() AS validations,
        countIf(v.is_valid) AS valid_validations,
        countIf(v.is_valid AND v.expires_at <= at + toIntervalDay(30)) AS expiring_30d
    FROM validity(at_s = {at_s:Float64}) AS v
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
