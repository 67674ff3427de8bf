-- One row per machine and UTC hour of event time that brought events: whether a log arrives at all.
-- host is lower case and short, as tests and alerts name machines. Merging sums rows: always aggregate.
CREATE TABLE IF NOT EXISTS host_hours
(
    host LowCardinality(String) COMMENT 'Machine, lower case, short name; an address stays whole',
    hour DateTime('UTC') COMMENT 'UTC hour of the event time',
    events SimpleAggregateFunction(sum, UInt64) COMMENT 'Number of events',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Earliest event time, UTC',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest event time, UTC'
)
ENGINE = AggregatingMergeTree
ORDER BY (host, hour)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20
COMMENT 'Events per machine and hour';
