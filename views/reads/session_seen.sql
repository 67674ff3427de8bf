-- One row: whether a session is known by at_s (epoch seconds), from a tag that it anchors.
-- A superseded tag counts: the event was there.
CREATE OR REPLACE VIEW session_seen AS
SELECT toBool(count() > 0) AS seen
FROM
(
    SELECT 1
    FROM entity_tags
    WHERE entity_kind = 'session'
        AND entity_id = {session_id:String}
        AND event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    LIMIT 1
);
