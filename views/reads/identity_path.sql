-- One row: the way from identity_id over its merges as of at_s (epoch seconds): itself, the identity it is
-- merged into, and so on to the one that stands for all of them. A circle ends before it would repeat.
-- after: merge_state
CREATE OR REPLACE VIEW identity_path AS
SELECT arrayFold(
    (way, step) -> if(
        NOT has(losers, way[-1]) OR has(way, winners[indexOf(losers, way[-1])]),
        way,
        arrayPushBack(way, winners[indexOf(losers, way[-1])])),
    range(if(empty(losers), 0, 32)),
    [{identity_id:String}]) AS path
FROM
(
    SELECT groupArray(loser_id) AS losers, groupArray(winner_id) AS winners
    FROM merge_state(at_s = {at_s:Float64})
    WHERE entity_kind = 'identity'
);
