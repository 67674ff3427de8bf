-- One row per group of selected tests and stage: how many were seen and how fast (filters and stages as in
-- observed_detection). group_kind: all, tactic, technique (the parent) or platform; a technique of several
-- tactics counts in each. reached: seen within 24 hours; tests that were not are censored there, a younger
-- one at its age. p50 to p95 are Kaplan-Meier quantiles in seconds, null past the share that was reached.
-- after: observed_detection
CREATE OR REPLACE VIEW observed_summary AS
SELECT
    group_kind,
    group_value,
    stage,
    length(observed) AS tests,
    countEqual(observed.2, true) AS reached,
    if(empty(observed), NULL, countEqual(observed.2, true) / length(observed)) AS reached_share,
    if(notEmpty(observed) AND survival[-1] <= 0.5 + 1e-9, observed[arrayFirstIndex(left -> left <= 0.5 + 1e-9, survival)].1, NULL)
        AS p50_seconds,
    if(notEmpty(observed) AND survival[-1] <= 0.1 + 1e-9, observed[arrayFirstIndex(left -> left <= 0.1 + 1e-9, survival)].1, NULL)
        AS p90_seconds,
    if(notEmpty(observed) AND survival[-1] <= 0.05 + 1e-9, observed[arrayFirstIndex(left -> left <= 0.05 + 1e-9, survival)].1, NULL)
        AS p95_seconds,
    coincidental,
    miss_reasons,
    disagreements,
    excluded
FROM
(
    SELECT
        group_key.1 AS group_kind,
        group_key.2 AS group_value,
        staged.1 AS stage,
        -- In the order of time, at one time the reached before the censored.
        arraySort(o -> (o.1, NOT o.2), groupArrayIf(
            (
                if(ifNull(staged.2, 1e9) <= 86400, ifNull(staged.2, 0), assumeNotNull(censored_seconds)),
                ifNull(staged.2, 1e9) <= 86400
            ),
            excluded_reason IS NULL)) AS observed,
        -- The share not yet reached after each of them: the product of (at risk - 1) / at risk.
        arrayMap(logarithm -> exp(logarithm), arrayCumSum(arrayMap(
            (o, position) -> if(o.2, log((length(observed) - position) / (length(observed) - position + 1)), 0),
            observed, arrayEnumerate(observed)))) AS survival,
        countIf(is_coincidental) AS coincidental,
        sumMapIf(map(ifNull(miss_reason, ''), toUInt64(1)), miss_reason IS NOT NULL) AS miss_reasons,
        sumMapIf(map(ifNull(disagreement, ''), toUInt64(1)), disagreement IS NOT NULL) AS disagreements,
        sumMapIf(map(ifNull(excluded_reason, ''), toUInt64(1)), excluded_reason IS NOT NULL) AS excluded
    FROM observed_detection(
        at_s = {at_s:Float64}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
        exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
        platform = {platform:String}, team = {team:String})
    ARRAY JOIN arrayConcat(
        [('all', '')],
        arrayMap(tactic -> ('tactic', tactic), tactics),
        if(technique_id IS NULL, [], [('technique', substring(assumeNotNull(technique_id), 1, 5))]),
        if(platform IS NULL, [], [('platform', assumeNotNull(platform))])) AS group_key
    ARRAY JOIN [
        ('detected', detected_seconds),
        ('hit', hit_seconds),
        ('ingested', ingested_seconds),
        ('tagged', tagged_seconds),
        ('alerted', alerted_seconds),
        ('acknowledged', acknowledged_seconds),
        ('validated', validated_seconds)
    ] AS staged
    GROUP BY group_kind, group_value, stage
);
