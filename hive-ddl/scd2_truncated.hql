-- A deletion of each key at each moment at which all was deleted, if the key was seen before; part of the events where
-- the log holds such moments. Compared are texts that sort as the sequence does; the join is by a constant.
UNION ALL
SELECT {{seen_columns}}, {{t_sequence}}{{seen_created}}, 'D' AS sakia_op, true AS sakia_deleted, '' AS sakia_content,
  0 AS sakia_events
FROM (
  SELECT {{keys}}, min({{seq_text}}) AS sakia_first, 1 AS sakia_one
  FROM (
    {{log}}
  ) AS told
  WHERE sakia_reason IS NULL AND sakia_op IN ('U', 'D')
  GROUP BY {{keys}}
) AS k
JOIN (
  SELECT DISTINCT {{seq_columns}}, {{seq_text}} AS sakia_moment, 1 AS sakia_one
  FROM (
    {{whole_log}}
  ) AS told
  WHERE sakia_reason IS NULL AND sakia_op = 'T'
) AS t ON k.sakia_one = t.sakia_one
WHERE k.sakia_first < t.sakia_moment
