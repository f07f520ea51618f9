-- The versions beside the target's rows of the same keys; part of other statements. Only differences stay, so a batch
-- that was applied before leaves none, and at most one row meets each row of the target.
SELECT o.{{sk}} AS sakia_target_sk, n.{{sk}} IS NULL AS sakia_obsolete, {{n_row}}{{row_bucket}}
FROM (
  {{versions}}
) AS n
FULL OUTER JOIN (
  SELECT e.* FROM {{target}} AS e
  {{only_affected}}
) AS o ON n.{{sk}} = o.{{sk}}
WHERE NOT (n.{{sk}} <=> o.{{sk}} AND {{n_same_as_o}})
