-- One row per rule of another system and detection asset that has it among its external ids as of at_s (epoch
-- seconds): the asset of an alert whose producer names none. Of several assets it is the first by id. subject: what
-- alerts_at has for an alert of that rule.
CREATE OR REPLACE VIEW alert_assets AS
SELECT
    external.system AS rule_system,
    external.id AS rule_id,
    concat('\0', rule_system, '\0', rule_id) AS subject,
    min(asset_id) AS asset_id
FROM
(
    SELECT asset_id, op, external_ids
    FROM asset_events
    WHERE event_time <= fromUnixTimestamp64Milli(toInt64(round({at_s:Float64} * 1000)), 'UTC')
    ORDER BY asset_id, version DESC
    LIMIT 1 BY asset_id
)
ARRAY JOIN external_ids AS external
WHERE op = 'put'
GROUP BY rule_system, rule_id;
