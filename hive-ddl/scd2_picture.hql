-- Whether the source is a picture that can be taken: its rows, those of files that another load wrote, those without key,
-- keys that several rows have, and when it was taken, where a column says so.
SELECT sum(sakia_rows) AS seen, sum(sakia_alive) AS alive, sum(sakia_strangers) AS strangers,
  sum(IF({{any_key_null}}, sakia_alive, 0)) AS without_key,
  sum(IF(sakia_alive > 1 AND NOT ({{any_key_null}}), 1, 0)) AS doubled,
  min(IF(sakia_alive > 1 AND NOT ({{any_key_null}}), {{example}}, NULL)) AS example_key,
  CAST(min(sakia_first) AS string) AS first_at, CAST(max(sakia_last) AS string) AS last_at,
  sum(sakia_timeless) AS timeless
FROM (
  SELECT {{keys}}, count(*) AS sakia_rows, sum(sakia_alive) AS sakia_alive, sum(sakia_stranger) AS sakia_strangers,
    min(sakia_at) AS sakia_first, max(sakia_at) AS sakia_last, sum(IF(sakia_at IS NULL, 1, 0)) AS sakia_timeless
  FROM (
    SELECT {{picked_keys}}, IF({{is_alive}}, 1, 0) AS sakia_alive, {{is_stranger}} AS sakia_stranger,
      {{picture_sequence}} AS sakia_at
    FROM {{picture}} AS e
  ) AS marked
  GROUP BY {{keys}}
) AS by_key
