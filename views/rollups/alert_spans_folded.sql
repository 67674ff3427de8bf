-- The rows of alert_spans as they follow from alert_changes now. Changes are put in order; what one does not tell stays as
-- it was.
-- after: alert_changes
CREATE VIEW IF NOT EXISTS alert_spans_folded AS
WITH toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never
SELECT
    bucket,
    alert_id,
    begun AS event_time,
    ifNull(nullIf(told_raised_at, never), begun) AS raised_at,
    if(records = 0, never, from_times[place]) AS from_time,
    if(is_last, never, from_times[place + 1]) AS to_time,
    toLowCardinality(ifNull(
        nullIf(asset_ids[place], ''),
        concat('\0', ifNull(rule_systems[place], ''), '\0', ifNull(rule_ids[place], '')))) AS subject,
    CAST(techniques[place].2, 'Array(LowCardinality(String))') AS technique_ids,
    CAST(machines[place].2, 'Array(LowCardinality(String))') AS hosts,
    nullIf(acknowledged[place], never) AS acknowledged_at,
    toLowCardinality(ifNull(verdicts[place], '')) AS verdict,
    if(is_last, changed, 0) AS changes,
    if(is_last, digests, 0) AS digest
FROM
(
    SELECT
        bucket,
        alert_id,
        toUInt32(count()) AS changed,
        sum(c.digest) AS digests,
        countIf(is_record) AS records,
        minIf(c.event_time, is_record) AS begun,
        -- A record counts before a verdict of the same version.
        arraySort(groupArray((version, NOT is_record, c.event_time, c.raised_at, c.rule_system, c.rule_id, c.asset_id,
            (tells_technique_ids, c.technique_ids), (tells_hosts, c.hosts), c.acknowledged_at, c.verdict))) AS rows,
        rows.3 AS from_times,
        arrayFill(x -> x IS NOT NULL, rows.4) AS raised,
        arrayFill(x -> x IS NOT NULL, rows.5) AS rule_systems,
        arrayFill(x -> x IS NOT NULL, rows.6) AS rule_ids,
        arrayFill(x -> x IS NOT NULL, rows.7) AS asset_ids,
        arrayFill(x -> x.1, rows.8) AS techniques,
        arrayFill(x -> x.1, rows.9) AS machines,
        arrayFill(x -> x IS NOT NULL, rows.10) AS acknowledged,
        arrayFill(x -> x IS NOT NULL, rows.11) AS verdicts
    FROM alert_changes AS c
    GROUP BY bucket, alert_id
)
ARRAY JOIN
    arrayEnumerate(from_times) AS place,
    raised AS told_raised_at,
    arrayMap(p -> p = length(from_times), arrayEnumerate(from_times)) AS is_last
WHERE is_last OR (from_times[place] != from_times[place + 1] AND records > 0 AND from_times[place] >= begun);
