-- What it told is read from test_spans.
DROP VIEW IF EXISTS test_rounds_brief;
