-- The dimension as a table of Iceberg's: one row a version. Version 2 of the format, whose rows MERGE may change in place.
CREATE TABLE IF NOT EXISTS {{target}} (
  {{sk}} string COMMENT 'sha-256 of the keys and valid_from, joined by |',
  {{column_definitions}},
  {{own_definitions}},
  {{batch_column}} string COMMENT 'run and batch that wrote the row last'
)
{{stored}}
TBLPROPERTIES ('format-version' = '2', {{properties}})
