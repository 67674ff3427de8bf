-- The random id of this set of tables, made with them: tells a restored or emptied store from its own.
CREATE OR REPLACE VIEW store_id AS
SELECT toString(id) AS id
FROM store
ORDER BY created_at
LIMIT 1;
