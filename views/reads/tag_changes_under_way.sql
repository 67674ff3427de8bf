-- One row: how many changes of rows of tags, or of what is made of them, ClickHouse has begun and not finished.
CREATE OR REPLACE VIEW tag_changes_under_way AS
SELECT count() AS changes
FROM system.mutations
WHERE database = currentDatabase() AND table IN ('tags', 'entity_tags', 'tag_days', 'tag_months') AND NOT is_done;
