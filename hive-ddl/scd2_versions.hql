-- The versions that the log comes to; part of other statements. Inside out:
--   log         the events of the keys in question
--   events      of events of one key at one moment the deletion wins, then the greatest content: the last one in order
--               counts, and a fact (I) only where it is the first of all
--   neighbours  what the events before and after say. Windows are given plain columns only, and what they give is
--               compared one level above them: Hive computes expressions inside windows wrongly (docs/hive-defects.md)
--   unfilled    a fact that an upsert follows is where the version of that begins, and no version of its own
--   marked      where a run of equal tracked values starts and ends; deletions that follow each other are a run
--   bounds      first and last event of each run: the first one looks ahead for the end of its version
SELECT {{surrogate}} AS {{sk}}, {{columns}},
  {{version_columns}}
FROM (
  SELECT {{run_columns}}, {{seq_columns}}, sakia_deleted, sakia_starts, sakia_is_first,
    {{from}} AS sakia_from,
    {{run_bounds}}
  FROM (
    SELECT {{marked_columns}}, {{seq_columns}}{{created}}, sakia_op <=> 'D' AS sakia_deleted,
      {{is_first}} AS sakia_is_first,
      NOT (sakia_op <=> sakia_op_before) OR (sakia_op <=> 'U' AND NOT ({{same_as_before}})) AS sakia_starts,
      NOT (sakia_op <=> sakia_op_after) OR (sakia_op <=> 'U' AND NOT ({{same_as_after}})) AS sakia_ends
    FROM (
      SELECT {{columns}}, {{seq_columns}}{{created}}, sakia_op,
        lag(sakia_op) OVER {{by_key}} AS sakia_op_before, lead(sakia_op) OVER {{by_key}} AS sakia_op_after,
        {{neighbours}}
      FROM (
        SELECT {{columns}}, {{seq_columns}}{{created}}, sakia_op,
          {{following}}
        FROM (
          {{events}}
        ) AS log
      ) AS events
      WHERE {{counts}}
    ) AS neighbours
    {{unfilled}}
  ) AS marked
  WHERE sakia_starts OR sakia_ends
) AS bounds
WHERE sakia_starts AND {{shown}}
