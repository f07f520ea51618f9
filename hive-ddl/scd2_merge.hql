-- Applies one batch: the differences between the versions that the log comes to and the target's.
MERGE INTO {{target}} AS t
USING (
  {{difference}}
) AS s
ON t.{{sk}} = s.sakia_target_sk
WHEN MATCHED AND s.sakia_obsolete THEN DELETE
WHEN MATCHED THEN UPDATE SET {{assignments}}, {{batch_column}} = {{batch_id}}
WHEN NOT MATCHED THEN INSERT {{inserted_columns}}VALUES ({{inserted}})
