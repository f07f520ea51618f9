-- What one batch changes in the shape parquet, kept for the statements that follow: which partitions it is in, and the rows
-- that are written into them.
CREATE TABLE {{stage}}
STORED AS ORC
TBLPROPERTIES ('transactional' = 'false', {{properties}})
AS
{{difference}}
