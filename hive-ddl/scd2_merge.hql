-- Applies one batch. Inside out:
--   log         the events of the keys in question
--   events      of events of one key at one moment the deletion wins, then the greatest content: the last one in order
--   neighbours  what the events before and after say. Windows are given plain columns only, and what they give is
--               compared one level above them: Hive computes expressions inside windows wrongly (docs/hive-defects.md)
--   marked      where a run of equal tracked values starts and ends; a deletion is a run of its own
--   bounds      first and last event of each run: the first one looks ahead for the end of its version
--   versions    one row for each run that is not a deletion
--   source      the versions beside the target's rows of the same keys; only differences stay, so a batch that was
--               applied before leaves none, and at most one source row meets each row of the target
MERGE INTO {{target}} AS t
USING (
  SELECT o.`sk` AS sakia_target_sk, n.`sk` IS NULL AS sakia_obsolete, n.`sk`, {{n_columns}},
    n.`valid_from`, n.`valid_to`, n.`is_current`
  FROM (
    SELECT sha2(concat_ws('|', {{key_texts}}, CAST(sakia_seq AS string)), 256) AS `sk`, {{columns}},
      sakia_seq AS `valid_from`,
      coalesce(sakia_next, TIMESTAMP '9999-12-31 00:00:00') AS `valid_to`,
      sakia_next IS NULL AS `is_current`
    FROM (
      SELECT {{run_columns}}, sakia_seq, sakia_deleted, sakia_starts,
        CASE WHEN sakia_ends THEN lead(sakia_seq, 1) OVER {{by_key}} ELSE lead(sakia_seq, 2) OVER {{by_key}} END
          AS sakia_next
      FROM (
        SELECT {{columns}}, sakia_seq, sakia_op <=> 'D' AS sakia_deleted,
          sakia_op <=> 'D' OR sakia_seq_before IS NULL OR sakia_op_before <=> 'D' OR NOT ({{same_as_before}})
            AS sakia_starts,
          sakia_op <=> 'D' OR sakia_seq_after IS NULL OR sakia_op_after <=> 'D' OR NOT ({{same_as_after}})
            AS sakia_ends
        FROM (
          SELECT {{columns}}, sakia_seq, sakia_op,
            lag(sakia_seq) OVER {{by_key}} AS sakia_seq_before, lead(sakia_seq) OVER {{by_key}} AS sakia_seq_after,
            lag(sakia_op) OVER {{by_key}} AS sakia_op_before, lead(sakia_op) OVER {{by_key}} AS sakia_op_after,
            {{neighbours}}
          FROM (
            SELECT {{columns}}, sakia_seq, sakia_op, lead(sakia_seq) OVER (
              PARTITION BY {{keys}} ORDER BY sakia_seq, sakia_deleted, sakia_content
            ) AS sakia_next_seq
            FROM (
              {{events}}
            ) AS log
          ) AS events
          WHERE sakia_next_seq IS NULL OR sakia_next_seq <> sakia_seq
        ) AS neighbours
      ) AS marked
      WHERE sakia_starts OR sakia_ends
    ) AS bounds
    WHERE sakia_starts AND NOT sakia_deleted
  ) AS n
  FULL OUTER JOIN (
    SELECT e.* FROM {{target}} AS e
    {{only_affected}}
  ) AS o ON n.`sk` = o.`sk`
  WHERE NOT (n.`sk` <=> o.`sk` AND {{n_same_as_o}} AND n.`valid_to` <=> o.`valid_to` AND n.`is_current` <=> o.`is_current`)
) AS s
ON t.`sk` = s.sakia_target_sk
WHEN MATCHED AND s.sakia_obsolete THEN DELETE
WHEN MATCHED THEN UPDATE SET {{assignments}}, `valid_to` = s.`valid_to`, `is_current` = s.`is_current`,
  `batch_id` = {{batch_id}}
WHEN NOT MATCHED THEN INSERT VALUES (s.`sk`, {{s_columns}}, s.`valid_from`, s.`valid_to`, s.`is_current`, {{batch_id}})
