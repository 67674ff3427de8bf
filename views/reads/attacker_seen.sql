-- One row: whether an attacker is known, from a tag that it anchors.
CREATE OR REPLACE VIEW attacker_seen AS
SELECT toBool(count() > 0) AS seen
FROM
(
    SELECT 1
    FROM entity_tags
    WHERE entity_kind = 'attacker' AND entity_id = {attacker_id:String}
    LIMIT 1
);
