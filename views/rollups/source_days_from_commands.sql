-- Fills source_days from every insert into commands.
-- after: source_days
CREATE MATERIALIZED VIEW IF NOT EXISTS source_days_from_commands TO source_days AS
SELECT
    toDate(event_time) AS day,
    source,
    kind,
    product,
    service,
    category,
    count() AS events,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen,
    max(ingest_time) AS last_ingested,
    countIf(host = '') AS without_host,
    countIf(user = '') AS without_user,
    countIf(session_id = '') AS without_session,
    countIf(attacker_id = '') AS without_attacker,
    countIf(command_text = '') AS without_text,
    countIf(is_time_capped) AS time_capped,
    countIf(is_time_estimated) AS time_estimated,
    sum(toUnixTimestamp64Milli(record_time) - toUnixTimestamp64Milli(event_time)) AS skew_ms_sum,
    min(toUnixTimestamp64Milli(record_time) - toUnixTimestamp64Milli(event_time)) AS skew_ms_min,
    max(toUnixTimestamp64Milli(record_time) - toUnixTimestamp64Milli(event_time)) AS skew_ms_max
FROM commands
GROUP BY day, source, kind, product, service, category;
