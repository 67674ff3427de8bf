-- One row: how long selected tests took, in hours (filters as in test_selection). metric is
--   'mttd': red_started_at to blue_started_at less the red pause, tests of any state with both stamps;
--   'mttr': red_started_at to blue_validated_at less both pauses, validated tests.
-- Only times above 0 count; no pause is 0. mean to max are rounded half-even to one decimal, the median
-- is element n div 2 of the sorted list; p50 to p95 interpolate. No test: null. excluded: tests by reason.
-- after: test_selection
CREATE OR REPLACE VIEW test_times AS
SELECT
    if(sample_size = 0, NULL, toFloat64(printf('%.1f', arraySum(net_ms) / (3600000 * sample_size)))) AS mean_hours,
    if(sample_size = 0, NULL, toFloat64(printf('%.1f', net_ms[intDiv(sample_size, 2) + 1] / 3600000))) AS median_hours,
    if(sample_size = 0, NULL, toFloat64(printf('%.1f', net_ms[1] / 3600000))) AS min_hours,
    if(sample_size = 0, NULL, toFloat64(printf('%.1f', net_ms[-1] / 3600000))) AS max_hours,
    length(net_ms) AS sample_size,
    if(sample_size = 0, NULL, arrayReduce('quantileExactInclusive(0.5)', net_ms) / 3600000) AS p50_hours,
    if(sample_size = 0, NULL, arrayReduce('quantileExactInclusive(0.9)', net_ms) / 3600000) AS p90_hours,
    if(sample_size = 0, NULL, arrayReduce('quantileExactInclusive(0.95)', net_ms) / 3600000) AS p95_hours,
    excluded
FROM
(
    SELECT
        arraySort(groupArrayIf(assumeNotNull(net), why = '')) AS net_ms,
        sumMapIf(map(why, toUInt64(1)), why != '') AS excluded
    FROM
    (
        SELECT
            {metric:String} = 'mttr' AS is_mttr,
            if(is_mttr, blue_validated_at, blue_started_at) AS ended_at,
            toUnixTimestamp64Milli(ended_at) - toUnixTimestamp64Milli(red_started_at)
                - 1000 * ifNull(red_paused_seconds, 0)
                - if(is_mttr, 1000 * ifNull(blue_paused_seconds, 0), 0) AS net,
            multiIf(
                NOT is_state_known, 'unknown_state',
                is_mttr AND ifNull(state, '') != 'validated', 'not_validated',
                red_started_at IS NULL, 'no_red_start',
                ended_at IS NULL, if(is_mttr, 'no_blue_validation', 'no_blue_start'),
                assumeNotNull(net) <= 0, 'not_positive',
                ''
            ) AS why
        FROM test_selection(
            at_s = {at_s:Float64}, rounds = {rounds:String}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
            exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
            platform = {platform:String}, team = {team:String})
    )
);
