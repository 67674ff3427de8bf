-- One row: whether a session is known, from a tag that it anchors.
CREATE OR REPLACE VIEW session_seen AS
SELECT toBool(count() > 0) AS seen
FROM
(
    SELECT 1
    FROM entity_tags
    WHERE entity_kind = 'session' AND entity_id = {session_id:String}
    LIMIT 1
);
