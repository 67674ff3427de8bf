-- Fills alert_changes from every insert into alert_events.
-- after: alert_changes
CREATE MATERIALIZED VIEW IF NOT EXISTS alert_changes_from_alerts TO alert_changes AS
WITH toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS never
SELECT
    toUInt16(cityHash64(e.alert_id) % 65536) AS bucket,
    e.alert_id AS alert_id,
    e.event_time AS event_time,
    e.record_time AS record_time,
    e.partition AS partition,
    e.offset AS offset,
    true AS is_record,
    if(has(e.cleared, 'raised_at'), never, e.raised_at) AS raised_at,
    e.rule_system AS rule_system,
    e.rule_id AS rule_id,
    if(has(e.cleared, 'asset_id'), '', e.asset_id) AS asset_id,
    notEmpty(e.technique_ids) OR has(e.cleared, 'technique_ids') AS tells_technique_ids,
    if(has(e.cleared, 'technique_ids'), [], e.technique_ids) AS technique_ids,
    notEmpty(e.hosts) OR has(e.cleared, 'hosts') AS tells_hosts,
    if(has(e.cleared, 'hosts'), [], e.hosts) AS hosts,
    if(has(e.cleared, 'acknowledged_at'), never, e.acknowledged_at) AS acknowledged_at,
    if(has(e.cleared, 'verdict'), '', e.verdict) AS verdict,
    cityHash64(e.log, e.topic, e.partition, e.offset) AS digest
FROM alert_events AS e;
