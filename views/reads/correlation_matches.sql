-- One row per group and bucket of time in which a correlation holds; a bucket is as long as the timespan.
-- Groups with events ingested since since_ms (epoch milliseconds) are looked at, around these events.
-- rule_ids are the correlation's rules in order. group_fields and value_fields name, for each of them, the
-- fields to group by and to count, joined by the unit separator; an event without one of the fields to group
-- by belongs to no group. The measure is taken over the timespan that ends at an event: different events
-- (event_count), different values (value_count), different rules (temporal), or how many rules from the
-- first one on came in order (temporal_ordered). The correlation holds at an event where the measure is
-- between measure_min and measure_max and not in measure_not. Measures never fall when a late event
-- comes, and a bucket names no event, so a bucket that holds goes on holding unless there is a maximum.
-- anchor_* is the first event of the bucket at which it holds: the last event of its group.
CREATE OR REPLACE VIEW correlation_matches AS
WITH
    {window_ms:Int64} AS window_ms,
    matches AS
    (
        SELECT
            toUnixTimestamp64Milli(event_time) AS event_ms,
            toUnixTimestamp64Milli(ingest_time) AS ingest_ms,
            toUInt64(indexOf({rule_ids:Array(String)}, toString(rule_id))) AS step,
            splitByChar('\x1F', {group_fields:Array(String)}[step]) AS group_names,
            splitByChar('\x1F', {value_fields:Array(String)}[step]) AS value_names,
            arrayMap(name -> field_values[indexOf(field_names, name)], group_names) AS group_values,
            arrayMap(name -> field_values[indexOf(field_names, name)], value_names) AS counted,
            hasAll(field_names, value_names) AS has_value,
            source_id,
            host,
            user,
            attacker_id
        FROM rule_matches
        WHERE rule_id IN {rule_ids:Array(String)}
            AND ({group_fields:Array(String)}[step] = '' OR hasAll(field_names, group_names))
    ),
    fresh AS
    (
        SELECT group_values, min(event_ms) AS first_ms, max(event_ms) AS last_ms
        FROM matches
        WHERE ingest_ms >= {since_ms:Int64}
        GROUP BY group_values
    ),
    windows AS
    (
        SELECT
            event_ms,
            first_ms,
            last_ms,
            group_values,
            source_id,
            host,
            user,
            attacker_id,
            arraySort(groupArray((event_ms, step, source_id)) OVER span) AS events,
            uniqExactIf(counted, has_value) OVER span AS values
        FROM matches
        INNER JOIN fresh USING (group_values)
        WHERE event_ms >= first_ms - window_ms AND event_ms <= last_ms + window_ms
        WINDOW span AS (PARTITION BY group_values ORDER BY event_ms ASC RANGE BETWEEN {window_ms:Int64} PRECEDING AND CURRENT ROW)
    ),
    measures AS
    (
        SELECT
            *,
            multiIf(
                {type:String} = 'event_count', length(arrayDistinct(events.3)),
                {type:String} = 'value_count', values,
                {type:String} = 'temporal', length(arrayDistinct(events.2)),
                arrayFold((reached, step) -> if(step = reached + 1, reached + 1, reached), events.2, toUInt64(0))
            ) AS measure
        FROM windows
        WHERE event_ms >= first_ms
    )
SELECT
    group_values,
    intDiv(event_ms, window_ms) AS bucket,
    min(event_ms) AS anchor_ms,
    argMin(measure, (event_ms, source_id)) AS anchor_measure,
    argMin(host, (event_ms, source_id)) AS anchor_host,
    argMin(user, (event_ms, source_id)) AS anchor_user,
    argMin(attacker_id, (event_ms, source_id)) AS anchor_attacker_id,
    argMin(arraySlice(arrayDistinct(events.3), -100), (event_ms, source_id)) AS source_event_ids
FROM measures
WHERE measure >= {measure_min:Float64}
    AND measure <= {measure_max:Float64}
    AND NOT has({measure_not:Array(Float64)}, toFloat64(measure))
GROUP BY group_values, bucket
ORDER BY anchor_ms, group_values;
