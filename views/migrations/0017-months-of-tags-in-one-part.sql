-- A month that had no new tags for a day is merged into one part: each part costs every question about tags.
-- changes: tables/tags.sql
ALTER TABLE tags MODIFY SETTING min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = true;
