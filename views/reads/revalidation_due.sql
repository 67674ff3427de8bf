-- One row per rule and technique that no validation upholds as of at_s (epoch seconds), and whose newest success
-- fell because the rule's logic changed: what can be replayed through the new logic. technique_id '': every
-- technique of the asset. causes: all that voided it; only rule_changed can be mended by a replay.
-- logic_hash and rule_version_to are the asset's present ones. started_at, ended_at and machines are those of the
-- test in its latest round begun before the validation; test_id '' is none, times that are missing are null.
-- after: validity, test_rounds
CREATE OR REPLACE VIEW revalidation_due AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    f.asset_id AS asset_id,
    substring(f.asset_id, 6) AS rule_id,
    f.technique_id AS technique_id,
    any(f.success.1) AS validation_id,
    any(f.success.2) AS validation_result,
    any(f.success.3) AS validated_at,
    any(f.success.4) AS expires_at,
    any(f.success.5) AS causes,
    any(f.success.6) AS rule_version_from,
    any(a.rule_version) AS rule_version_to,
    any(a.logic_hash) AS logic_hash,
    any(f.success.7) AS test_id,
    argMaxIf(r.red_started_at, r.red_started_at, r.red_started_at <= f.success.3) AS started_at,
    argMaxIf(tuple(r.red_ended_at), r.red_started_at, r.red_started_at <= f.success.3).1 AS ended_at,
    arrayDistinct(arrayFilter(
        name -> position(name, '.') <= 1 OR isIPv4String(name) OR isIPv6String(name),
        argMaxIf(arrayConcat(r.hosts, r.targets), r.red_started_at, r.red_started_at <= f.success.3))) AS machines
FROM
(
    SELECT
        asset_id,
        technique_id,
        argMaxIf((validation_id, validation_result, validated_at, expires_at, causes, rule_version, test_id),
            (validated_at, version), validation_result IN ('detected', 'partially_detected')) AS success
    FROM
    (
        -- One that is about every technique upholds each.
        SELECT *, max(is_valid AND technique_id = '') OVER (PARTITION BY asset_id) AS is_upheld
        FROM validity(at_s = {at_s:Float64}, asset_id = '')
        WHERE startsWith(asset_id, 'rule:')
    )
    GROUP BY asset_id, technique_id
    HAVING NOT max(is_valid OR is_upheld) AND has(success.5, 'rule_changed')
) AS f
INNER JOIN
(
    SELECT asset_id, rule_version, logic_hash
    FROM asset_events
    WHERE event_time <= at AND op = 'put'
    ORDER BY asset_id, version DESC
    LIMIT 1 BY asset_id
) AS a ON a.asset_id = f.asset_id
LEFT JOIN
(
    SELECT test_id, red_started_at, red_ended_at, hosts, targets
    FROM test_rounds(at_s = {at_s:Float64}, rounds = 'all')
) AS r ON r.test_id = f.success.7
GROUP BY asset_id, technique_id
ORDER BY rule_id, technique_id
SETTINGS join_use_nulls = 0;
