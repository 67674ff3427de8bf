-- Fills alert_changes from every insert into catalog_events: verdicts that were given here. What we derived counts
-- before what was sent.
-- after: alert_changes
CREATE MATERIALIZED VIEW IF NOT EXISTS alert_changes_from_catalog TO alert_changes AS
SELECT
    toUInt16(cityHash64(JSONExtractString(entity, 'alert_id')) % 65536) AS bucket,
    JSONExtractString(entity, 'alert_id') AS alert_id,
    event_time,
    record_time,
    partition,
    offset,
    false AS is_record,
    if(JSONHas(derived, 'verdict'), JSONExtractString(derived, 'verdict'), JSONExtractString(entity, 'verdict'))
        AS verdict,
    cityHash64(log, topic, partition, offset) AS digest
FROM catalog_events
WHERE kind = 'verdict' AND op = 'put';
