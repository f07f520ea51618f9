-- The dimension beside the log it was made from, with nothing in common with the way it was made: no windows. Compared
-- are every event of a sample of keys and the last event of each other key. Inside out:
--   said    a text for each event to compare: its moment (as a text that sorts), whether it deletes (1), its content
--           (64), what it says in the tracked columns (64) and in the untracked ones (64); the greatest of one key and
--           moment is the event that counts
--   shown   how many versions hold at that moment, how many of them say the same, and which of them are open; rows that
--           record a deletion are no versions here. Untracked columns are compared where the version took them from
--   ends    the same by key: a key whose last event deletes has no open version, every other key has the one that
--           holds then
SELECT sum(sakia_events) AS events, sum(sakia_moments) AS moments, sum(sakia_wrong) AS wrong_moments,
  sum(IF(sakia_open = sakia_ends_open AND sakia_last_open = sakia_ends_open, 0, 1)) AS wrong_ends,
  min(IF(sakia_wrong > 0 OR sakia_open <> sakia_ends_open OR sakia_last_open <> sakia_ends_open,
    {{example}}, NULL)) AS example_key
FROM (
  SELECT {{keys}}, sum(sakia_events) AS sakia_events, count(*) AS sakia_moments,
    sum(IF(sakia_shown = sakia_lives AND sakia_same = sakia_lives, 0, 1)) AS sakia_wrong,
    max(sakia_open) AS sakia_open,
    CAST(substr(max(concat(sakia_moment, sakia_lives)), {{behind_moment}}) AS bigint) AS sakia_ends_open,
    CAST(substr(max(concat(sakia_moment, sakia_shown_open)), {{behind_moment}}) AS bigint) AS sakia_last_open
  FROM (
    SELECT {{said_keys}}, said.sakia_moment, said.sakia_lives, max(said.sakia_events) AS sakia_events,
      sum(IF({{t_holds}}, 1, 0)) AS sakia_shown,
      sum(IF({{t_holds}} AND said.sakia_said = {{t_said}}{{t_also}}, 1, 0)) AS sakia_same,
      sum(IF({{t_open}}, 1, 0)) AS sakia_open,
      sum(IF({{t_open}} AND said.sakia_moment >= {{t_from_text}}, 1, 0)) AS sakia_shown_open
    FROM (
      SELECT {{keys}}, sakia_events, substr(sakia_state, 1, {{moment_width}}) AS sakia_moment,
        IF(substr(sakia_state, {{behind_moment}}, 1) = '1', 0, 1) AS sakia_lives,
        substr(sakia_state, {{behind_content}}, 64) AS sakia_said,
        substr(sakia_state, {{behind_said}}) AS sakia_also
      FROM (
        SELECT {{keys}}, sum(sakia_events) AS sakia_events,
          max(concat({{seq_text}}, IF(sakia_deleted, '1', concat('0', sakia_content, {{log_said}})))) AS sakia_state
        FROM (
          {{events}}
        ) AS log
        {{told_only}}
        GROUP BY {{keys}}, IF({{sampled}}, {{seq_text}}, '')
      ) AS states
    ) AS said
    LEFT JOIN {{target}} AS t ON {{said_same_keys}}
    GROUP BY {{said_keys}}, said.sakia_moment, said.sakia_lives
  ) AS shown
  GROUP BY {{keys}}
) AS ends
