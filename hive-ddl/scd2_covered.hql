-- What the dimension rests on and the log no longer says: every version starts, and every closed one ends, at the moment
-- of an event. Counted are the moments of which the log holds no event, with an example. A union and not an anti join,
-- of which Hive has had several that lose rows (docs/hive-defects.md).
SELECT count(*) AS lost, min(concat_ws('|', {{key_texts}})) AS example_key, min(CAST(sakia_seq AS string)) AS earliest
FROM (
  SELECT {{keys}}, sakia_seq
  FROM (
    SELECT {{event_key_columns}}, CAST(e.{{sequence}} AS timestamp) AS sakia_seq, 1 AS sakia_in_log
    FROM {{source}} AS e
    UNION ALL
    SELECT {{keys}}, `valid_from` AS sakia_seq, 0 AS sakia_in_log FROM {{target}}
    UNION ALL
    SELECT {{keys}}, `valid_to` AS sakia_seq, 0 AS sakia_in_log FROM {{target}} WHERE NOT `is_current`
  ) AS moments
  GROUP BY {{keys}}, sakia_seq
  HAVING max(sakia_in_log) = 0
) AS lost
