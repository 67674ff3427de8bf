-- One row: how fast techniques were reviewed in the 12 weeks before at_s (epoch seconds). A technique's review
-- is the explicit one, else its newest validation. techniques_per_week is the mean over the weeks (from Monday)
-- in which there was one, rounded half-even to one decimal; recent are the last 4 of them, earlier the 4
-- before or, of fewer than 8, the first half: more than a tenth above is improving, below declining.
-- after: technique_reviews
CREATE OR REPLACE VIEW coverage_velocity AS
WITH
    fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at,
    if(length(counts) >= 8, arraySlice(counts, -8, 4), arraySlice(counts, 1, intDiv(length(counts), 2))) AS earlier,
    arraySlice(counts, -least(length(counts), 4)) AS recent
SELECT
    if(empty(counts), 0, toFloat64(printf('%.1f', arrayAvg(counts)))) AS techniques_per_week,
    multiIf(
        empty(earlier), 'stable',
        arrayAvg(recent) > 1.1 * arrayAvg(earlier), 'improving',
        arrayAvg(recent) < 0.9 * arrayAvg(earlier), 'declining',
        'stable') AS trend,
    weeks,
    counts AS reviewed
FROM
(
    SELECT
        arrayMap(w -> w.1, arraySort(groupArray((week, reviewed)))) AS weeks,
        arrayMap(w -> w.2, arraySort(groupArray((week, reviewed)))) AS counts
    FROM
    (
        SELECT toMonday(reviewed_at) AS week, count() AS reviewed
        FROM technique_reviews(at_s = {at_s:Float64})
        WHERE reviewed_at >= at - toIntervalWeek(12) AND reviewed_at <= at
        GROUP BY week
    )
);
