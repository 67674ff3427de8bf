-- Fills host_hours from every insert into commands.
-- after: host_hours
CREATE MATERIALIZED VIEW IF NOT EXISTS host_hours_from_commands TO host_hours AS
SELECT
    if(isIPv4String(name) OR isIPv6String(name) OR startsWith(name, '.'), name, splitByChar('.', name)[1]) AS host,
    toStartOfHour(event_time) AS hour,
    count() AS events,
    min(event_time) AS first_seen,
    max(event_time) AS last_seen
FROM
(
    SELECT lowerUTF8(commands.host) AS name, event_time
    FROM commands
    WHERE commands.host != ''
)
GROUP BY host, hour;
