-- One row per validation seen by at_s (epoch seconds): whether it is valid then, without the causes why not, which
-- validity tells. is_unchanged: no cause but expiry. rank: by time seen, then by version, in one number of which a
-- version is the lower 208 bits. outcome: 2 detected, 1 partially, 0 not.
CREATE OR REPLACE VIEW validity_brief AS
WITH fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC') AS at
SELECT
    validation_id,
    asset_id,
    technique_id,
    expires_at,
    outcome,
    rank,
    arrayExists((start, end) -> start <= at AND at < end, unchanged_from, unchanged_to) AS is_unchanged,
    is_unchanged AND at < expires_at AS is_valid,
    arrayExists((start, end) -> start <= at AND at < end, changed_from, changed_to) AS is_rule_changed
FROM validation_spans FINAL
WHERE validated_at <= at;
