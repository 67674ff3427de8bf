-- One row per day that the daily run reported a score of this technique on, by at_s (epoch seconds). Reported
-- scores stay as they were; technique_confidence works out what is known of a day now.
-- after: coverage_snapshots
CREATE OR REPLACE VIEW confidence_history AS
SELECT
    date,
    computed_at,
    JSONExtractString(one, 'status') AS status,
    JSONExtractFloat(one, 'score') AS score,
    JSONExtractString(one, 'level') AS level
FROM coverage_snapshots(at_s = {at_s:Float64})
ARRAY JOIN arrayFilter(
    t -> JSONExtractString(t, 'technique_id') = {technique_id:String},
    JSONExtractArrayRaw(techniques)) AS one
WHERE position(techniques, {technique_id:String}) > 0;
