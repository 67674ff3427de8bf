-- Tags are compressed in small blocks: fewer bytes are read for one row. Parts that are there become so as they are
-- merged. Granules keep the size that the table was made with; larger ones cost time only.
-- changes: tables/tags.sql
ALTER TABLE tags MODIFY SETTING min_compress_block_size = 8192, max_compress_block_size = 65536;
