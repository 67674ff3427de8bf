-- One row per change of a rule's state by at_s (epoch seconds), newest first; the first counts: the state that
-- was set, or enabled where it was ended. expires_at: when it reverts to enabled by itself.
CREATE OR REPLACE VIEW rule_state_history AS
SELECT
    if(op = 'put', JSONExtractString(if(JSONHas(derived, 'state'), derived, entity), 'state'), 'enabled') AS state,
    JSONExtract(entity, 'confidence_max', 'Nullable(Float64)') AS confidence_max,
    parseDateTime64BestEffortOrNull(
        JSONExtractString(if(JSONHas(derived, 'expires_at'), derived, entity), 'expires_at'), 3, 'UTC') AS expires_at,
    nullIf(JSONExtractString(entity, 'reason'), '') AS reason,
    if(JSONHas(derived, 'set_by'), JSONExtractString(derived, 'set_by'), actor) AS set_by,
    event_time AS set_at,
    offset
FROM catalog_events
WHERE kind = 'rule_state'
    AND id = {rule_id:String}
    AND event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
ORDER BY version DESC
LIMIT 1 BY version;
