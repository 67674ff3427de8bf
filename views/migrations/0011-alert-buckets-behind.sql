-- What alert_spans is behind with is worked out once for a query, not by each part of it.
-- changes: rollups/alert_buckets_behind.sql
CREATE OR REPLACE VIEW alert_buckets_behind AS
SELECT arrayJoin((
    SELECT groupArray(bucket)
    FROM
    (
        SELECT bucket
        FROM
        (
            SELECT bucket, toInt64(count()) AS changes, toInt64(sum(digest)) AS digest
            FROM alert_changes
            GROUP BY bucket
            UNION ALL
            SELECT bucket, -toInt64(sum(alert_spans.changes)) AS changes, -toInt64(sum(alert_spans.digest)) AS digest
            FROM alert_spans
            GROUP BY bucket
        ) AS sides
        GROUP BY bucket
        HAVING sum(sides.changes) != 0 OR sum(sides.digest) != 0
    )
)) AS bucket;
