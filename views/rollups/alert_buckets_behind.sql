-- One row per bucket of alerts that has changes which alert_spans was not made of, or lacks some that it was. They are
-- one value first: that is worked out once for a whole query, where a set is made anew by each part that looks into it.
-- after: alert_changes, alert_spans
CREATE VIEW IF NOT EXISTS alert_buckets_behind AS
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
