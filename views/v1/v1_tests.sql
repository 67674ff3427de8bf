-- One row per purple-team test as it is now, in its latest round.
-- after: test_selection
CREATE OR REPLACE VIEW v1_tests
(
    test_id String COMMENT 'Id of the test',
    round UInt32 COMMENT 'Round shown, from 1; a test that is redone begins another',
    exercise Nullable(String) COMMENT 'Exercise; null if none',
    name Nullable(String) COMMENT 'Name; null if none',
    technique_id Nullable(String) COMMENT 'Tnnnn or Tnnnn.nnn: joins v1_techniques.technique_id; null if none',
    platform Nullable(String) COMMENT 'Platform; null if none',
    red_team Nullable(String) COMMENT 'Red team; null if none',
    blue_team Nullable(String) COMMENT 'Blue team; null if none',
    hosts Array(String) COMMENT 'Machines it ran on, lower case; full and short names',
    state Nullable(String) COMMENT 'draft, red_executing, blue_evaluating, in_review, validated or rejected; null if never told',
    outcome Nullable(String) COMMENT 'Outcome as it was told; null if none',
    detection_result Nullable(String) COMMENT 'detected, partially_detected or not_detected, as blue said; null if not said',
    created_at DateTime64(3, 'UTC') COMMENT 'First update of the round, UTC',
    updated_at DateTime64(3, 'UTC') COMMENT 'Latest update, UTC',
    red_started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Red began, UTC; null if not yet',
    blue_started_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Blue began, UTC; null if not yet',
    red_validated_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Red lead decided, UTC; null if not yet',
    blue_validated_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Blue lead decided, UTC; null if not yet',
    mttd_hours Nullable(Float64) COMMENT 'Hours from red_started_at to blue_started_at less red''s pause; null unless above 0. Their mean is the MTTD',
    mttr_hours Nullable(Float64) COMMENT 'Hours from red_started_at to blue_validated_at less both pauses, of validated tests; null unless above 0. Their mean is the MTTR'
) AS
SELECT
    test_id,
    round,
    exercise,
    name,
    technique_id,
    platform,
    red_team,
    blue_team,
    hosts,
    state,
    outcome,
    detection_result,
    created_at,
    updated_at,
    red_started_at,
    blue_started_at,
    red_validated_at,
    blue_validated_at,
    if(is_state_known AND detection_ms > 0, detection_ms / 3600000, NULL) AS mttd_hours,
    if(is_state_known AND ifNull(state, '') = 'validated' AND cycle_ms > 0, cycle_ms / 3600000, NULL) AS mttr_hours
FROM
(
    SELECT
        *,
        toUnixTimestamp64Milli(blue_started_at) - toUnixTimestamp64Milli(red_started_at)
            - 1000 * ifNull(red_paused_seconds, 0) AS detection_ms,
        toUnixTimestamp64Milli(blue_validated_at) - toUnixTimestamp64Milli(red_started_at)
            - 1000 * (ifNull(red_paused_seconds, 0) + ifNull(blue_paused_seconds, 0)) AS cycle_ms
    FROM test_selection(
        at_s = toUnixTimestamp64Milli(now64(3)) / 1000, rounds = 'latest', from_s = 0, to_s = 4102444800,
        exercise = '', technique_id = '', tactic = '', platform = '', team = '')
)
COMMENT 'Purple-team tests as they are now';
