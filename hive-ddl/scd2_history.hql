-- The events of a finished history, as a table; part of other statements, where the source is one. Inside out:
--   told     each row once, with its end as the first moment after it; NULL while it is open
--   rows     the same, beside where the next one of the key begins
-- A row is an upsert where it begins, and a deletion where it ends, unless the next one begins there. An end that fits
-- nothing has an operation that means nothing. The join is by a constant: behind a LATERAL VIEW Hive loses conditions
-- (docs/hive-defects.md).
(
  SELECT {{h_columns}}, IF(o.`sakia_op` = 'U', h.sakia_from, h.sakia_end) AS {{h_from}},
    IF(o.`sakia_op` = 'D' AND (h.sakia_end <= h.sakia_from OR h.sakia_end > h.sakia_next), 'misfit', o.`sakia_op`)
      AS `sakia_op`
  FROM (
    SELECT {{h_columns}}, h.sakia_from, h.sakia_end, 1 AS sakia_one,
      lead(h.sakia_from) OVER (PARTITION BY {{h_keys}} ORDER BY h.sakia_from) AS sakia_next
    FROM (
      SELECT DISTINCT {{h_columns}}, {{begins}} AS sakia_from, {{ends}} AS sakia_end
      FROM {{history}} AS h
    ) AS h
  ) AS h
  JOIN (
    SELECT 'U' AS `sakia_op`, 1 AS sakia_one UNION ALL SELECT 'D' AS `sakia_op`, 1 AS sakia_one
  ) AS o ON h.sakia_one = o.sakia_one
  WHERE o.`sakia_op` = 'U' OR (h.sakia_end IS NOT NULL AND NOT (h.sakia_end <=> h.sakia_next))
)
