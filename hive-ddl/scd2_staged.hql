-- What was staged of a load, beside how many things there were.
SELECT sum(sakia_upsert) AS upserts, sum(sakia_deletion) AS deletions, sum(sakia_known) AS known
FROM (
  SELECT IF(`sakia_op` = 'U', 1, 0) AS sakia_upsert, IF(`sakia_op` = 'D', 1, 0) AS sakia_deletion, 0 AS sakia_known
  FROM {{changes}} AS changes
  UNION ALL
  SELECT 0 AS sakia_upsert, 0 AS sakia_deletion, 1 AS sakia_known FROM (
    {{known}}
  ) AS known
) AS counted
