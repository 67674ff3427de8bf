-- One row: a maintained entity as of at_s (epoch seconds), as its newest record has it; none if there was no
-- record. op 'delete': it has ended. entity is what was sent, derived counts before it.
CREATE OR REPLACE VIEW catalog_entity AS
SELECT op, actor, reason, event_time, entity, derived
FROM catalog_events
WHERE kind = {kind:String}
    AND id = {id:String}
    AND event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
ORDER BY version DESC
LIMIT 1;
