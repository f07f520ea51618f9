-- What the source shows of the things that are not marked as deleted; part of other statements.
SELECT {{columns}}, {{content}} AS sakia_content
FROM (
  SELECT {{picked_columns}} FROM {{picture}} AS e
  {{alive}}
) AS picked
