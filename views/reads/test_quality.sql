-- One row: how selected tests ended (filters and rounds as in test_selection). Percentages are rounded half-even
-- to one decimal, and 0 where there is nothing to count. A test in an unknown state counts nowhere.
--   detection efficacy    detected of validated tests; another or no result is in validated only
--   alert fidelity        triggered of the detection results that say so, of tests in any state
--   conversion            validated of validated, rejected and in_review; trend: declining while more wait than
--                         are validated, improving from 80 %, else stable
--   rejection             rejected of validated and rejected; each lead's own word over tests in any state
-- after: test_selection, test_detections
CREATE OR REPLACE VIEW test_quality AS
SELECT
    validated,
    rejected,
    in_review,
    detected,
    partially_detected,
    not_detected,
    if(validated = 0, 0, toFloat64(printf('%.1f', detected / validated * 100))) AS detection_efficacy_pct,
    triggered,
    not_triggered,
    if(triggered + not_triggered = 0, 0,
        toFloat64(printf('%.1f', triggered / (triggered + not_triggered) * 100))) AS alert_fidelity_pct,
    if(validated + rejected + in_review = 0, 0,
        toFloat64(printf('%.1f', validated / (validated + rejected + in_review) * 100))) AS conversion_pct,
    multiIf(
        validated + rejected + in_review = 0, 'stable',
        in_review > validated, 'declining',
        conversion_pct >= 80, 'improving',
        'stable') AS conversion_trend,
    if(validated + rejected = 0, 0, toFloat64(printf('%.1f', rejected / (validated + rejected) * 100))) AS rejection_pct,
    red_approved,
    red_rejected,
    if(red_approved + red_rejected = 0, 0,
        toFloat64(printf('%.1f', red_rejected / (red_approved + red_rejected) * 100))) AS red_lead_rejection_pct,
    blue_approved,
    blue_rejected,
    if(blue_approved + blue_rejected = 0, 0,
        toFloat64(printf('%.1f', blue_rejected / (blue_approved + blue_rejected) * 100))) AS blue_lead_rejection_pct,
    excluded
FROM
(
    SELECT
        countIf(ifNull(state, '') = 'validated') AS validated,
        countIf(ifNull(state, '') = 'rejected') AS rejected,
        countIf(ifNull(state, '') = 'in_review') AS in_review,
        countIf(ifNull(state, '') = 'validated' AND ifNull(detection_result, '') = 'detected') AS detected,
        countIf(ifNull(state, '') = 'validated' AND ifNull(detection_result, '') = 'partially_detected')
            AS partially_detected,
        countIf(ifNull(state, '') = 'validated' AND ifNull(detection_result, '') = 'not_detected') AS not_detected,
        sumIf(r.triggered, is_state_known) AS triggered,
        sumIf(r.not_triggered, is_state_known) AS not_triggered,
        countIf(is_state_known AND ifNull(red_validation_status, '') = 'approved') AS red_approved,
        countIf(is_state_known AND ifNull(red_validation_status, '') = 'rejected') AS red_rejected,
        countIf(is_state_known AND ifNull(blue_validation_status, '') = 'approved') AS blue_approved,
        countIf(is_state_known AND ifNull(blue_validation_status, '') = 'rejected') AS blue_rejected,
        sumMapIf(map('unknown_state', toUInt64(1)), NOT is_state_known) AS excluded
    FROM test_selection(
        at_s = {at_s:Float64}, rounds = {rounds:String}, from_s = {from_s:Float64}, to_s = {to_s:Float64},
        exercise = {exercise:String}, technique_id = {technique_id:String}, tactic = {tactic:String},
        platform = {platform:String}, team = {team:String}) AS t
    LEFT JOIN
    (
        SELECT
            d.test_id AS of,
            d.round AS of_round,
            countIf(ifNull(d.triggered, false)) AS triggered,
            countIf(NOT ifNull(d.triggered, true)) AS not_triggered
        FROM test_detections(at_s = {at_s:Float64}, rounds = {rounds:String}) AS d
        GROUP BY of, of_round
    ) AS r ON r.of = t.test_id AND r.of_round = t.round
)
SETTINGS join_use_nulls = 0;
