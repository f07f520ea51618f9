-- What a snapshot changes: what is new or differs from its last event is an upsert, what is not in it any more is a
-- deletion. Part of other statements.
SELECT {{changed_columns}}, {{at}} AS `sakia_seq`, IF(n.sakia_content IS NULL, 'D', 'U') AS `sakia_op`
FROM (
  {{pictured}}
) AS n
FULL OUTER JOIN (
  {{known}}
) AS o ON {{same_keys}}
WHERE NOT (n.sakia_content <=> o.sakia_content)
