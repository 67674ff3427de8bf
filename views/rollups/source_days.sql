-- One row per UTC day of event time, source and log source of accepted commands: how much came, what was
-- missing in it and how its clock ran. Merging sums rows: always aggregate.
CREATE TABLE IF NOT EXISTS source_days
(
    day Date COMMENT 'UTC day of the event time',
    source LowCardinality(String) COMMENT 'Source definition that recognised the records',
    kind LowCardinality(String) COMMENT 'Source kind',
    product LowCardinality(String) COMMENT 'Sigma log source: product',
    service LowCardinality(String) COMMENT 'Sigma log source: service',
    category LowCardinality(String) COMMENT 'Sigma log source: category',
    events SimpleAggregateFunction(sum, UInt64) COMMENT 'Number of events',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Earliest event time, UTC',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest event time, UTC',
    last_ingested SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When the latest was taken in, UTC',
    without_host SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that name no machine',
    without_user SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that name no account',
    without_session SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that name no session',
    without_attacker SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that name no attacker',
    without_text SimpleAggregateFunction(sum, UInt64) COMMENT 'Events without a text to search',
    time_capped SimpleAggregateFunction(sum, UInt64) COMMENT 'Events whose clock was too far ahead',
    time_estimated SimpleAggregateFunction(sum, UInt64) COMMENT 'Events that stated no time',
    skew_ms_sum SimpleAggregateFunction(sum, Int64) COMMENT 'Record time less event time, summed, milliseconds',
    skew_ms_min SimpleAggregateFunction(min, Int64) COMMENT 'Least record time less event time, milliseconds',
    skew_ms_max SimpleAggregateFunction(max, Int64) COMMENT 'Greatest record time less event time, milliseconds'
)
ENGINE = AggregatingMergeTree
ORDER BY (day, source, kind, product, service, category)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Events per day and log source, with what was missing and how clocks ran';
