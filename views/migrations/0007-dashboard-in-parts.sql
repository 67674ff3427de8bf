-- The dashboard is three views; the one that it was would answer no longer.
DROP VIEW IF EXISTS lifecycle_dashboard;
