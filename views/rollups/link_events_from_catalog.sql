-- Fills link_events from every insert into catalog_events. What we derived counts before what was sent.
-- after: link_events
CREATE MATERIALIZED VIEW IF NOT EXISTS link_events_from_catalog TO link_events AS
WITH
    'Tuple(entity_kind String, loser_id String, winner_id String, attacker_id String, identity_id String,
        from String, to String)' AS members,
    JSONExtract(entity, members) AS sent,
    JSONExtract(derived, members) AS ours
SELECT
    kind,
    id,
    event_time,
    record_time,
    partition,
    offset,
    op,
    actor,
    reason,
    if(ours.1 = '', sent.1, ours.1) AS entity_kind,
    if(ours.2 = '', sent.2, ours.2) AS loser_id,
    if(ours.3 = '', sent.3, ours.3) AS winner_id,
    if(ours.4 = '', sent.4, ours.4) AS attacker_id,
    if(ours.5 = '', sent.5, ours.5) AS identity_id,
    ifNull(parseDateTime64BestEffortOrNull(if(ours.6 = '', sent.6, ours.6), 3, 'UTC'), toDateTime64(0, 3, 'UTC'))
        AS from_time,
    ifNull(parseDateTime64BestEffortOrNull(if(ours.7 = '', sent.7, ours.7), 3, 'UTC'),
        toDateTime64('2299-12-31 00:00:00', 3, 'UTC')) AS to_time
FROM catalog_events
WHERE kind IN ('merge', 'membership');
