-- One row per calendar week (UTC, from Monday) of the 12 that end with the week of at_s (epoch seconds): how
-- many active enterprise techniques rose to a better status in it (none, partial, validated), how many fell, and
-- what is left. A week is compared from its first instant to its last; the present one up to at_s.
-- after: technique_status
CREATE OR REPLACE VIEW coverage_weeks AS
SELECT
    toDate(toUInt32(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - (11 - place) * 604800)) AS week,
    risen[place + 1] AS gained,
    fallen[place + 1] AS lost,
    toInt64(gained) - toInt64(lost) AS net
FROM
(
    SELECT
        arrayResize(sumForEach(arrayMap(k -> ranks[k + 1] > ranks[k], range(1, 13))), 12) AS risen,
        arrayResize(sumForEach(arrayMap(k -> ranks[k + 1] < ranks[k], range(1, 13))), 12) AS fallen
    FROM
    (
        SELECT
            technique_id,
            arrayMap(k -> arrayFirst(r -> r.1 = k, groupArray((instant, rank))).2, range(13)) AS ranks
        FROM
        (
            SELECT 0 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 11 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 1 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 10 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 2 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 9 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 3 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 8 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 4 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 7 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 5 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 6 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 6 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 5 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 7 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 4 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 8 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 3 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 9 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 2 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 10 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 1 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 11 AS instant, technique_id, rank FROM technique_status(at_s = greatest(floor(({at_s:Float64} - 345600) / 604800) * 604800 + 345600 - 0 * 604800 - 0.001, 0))
            UNION ALL
            SELECT 12 AS instant, technique_id, rank FROM technique_status(at_s = {at_s:Float64})
        )
        GROUP BY technique_id
    )
)
ARRAY JOIN range(12) AS place
ORDER BY week;
