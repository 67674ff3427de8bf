-- One row per UTC day of event time and log source that brought events.
CREATE OR REPLACE VIEW v1_sources_daily
(
    day Date COMMENT 'UTC day of the event time',
    source String COMMENT 'Source definition that recognised the records',
    source_kind String COMMENT 'Kind of the events',
    product Nullable(String) COMMENT 'Sigma log source: product; null if none',
    service Nullable(String) COMMENT 'Sigma log source: service; null if none',
    category Nullable(String) COMMENT 'Sigma log source: category; null if none',
    events UInt64 COMMENT 'Number of events',
    last_seen DateTime64(3, 'UTC') COMMENT 'Latest event time, UTC',
    last_ingested DateTime64(3, 'UTC') COMMENT 'When the latest was taken in, UTC',
    without_host UInt64 COMMENT 'Events that name no machine',
    without_text UInt64 COMMENT 'Events without a text to search',
    skew_seconds_mean Float64 COMMENT 'Kafka time less event time, mean, seconds: delay and clock error',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the row was computed, UTC: as the view is read'
) AS
SELECT
    s.day AS day,
    s.source AS source,
    s.kind AS source_kind,
    nullIf(s.product, '') AS product,
    nullIf(s.service, '') AS service,
    nullIf(s.category, '') AS category,
    sum(s.events) AS events,
    toDateTime64(max(s.last_seen), 3, 'UTC') AS last_seen,
    toDateTime64(max(s.last_ingested), 3, 'UTC') AS last_ingested,
    sum(s.without_host) AS without_host,
    sum(s.without_text) AS without_text,
    sum(s.skew_ms_sum) / sum(s.events) / 1000 AS skew_seconds_mean,
    now64(3, 'UTC') AS computed_at
FROM source_days AS s
GROUP BY s.day, s.source, s.kind, s.product, s.service, s.category
COMMENT 'Events per UTC day and log source';
