-- What every dimension must obey, counted where it does not: versions that end before they start, versions of a key
-- that overlap, several open versions of a key, neighbours that touch and do not differ, an open end that is not
-- marked current.
SELECT count(*) AS versions, sum(IF(`is_current`, 1, 0)) AS current_versions,
  sum(IF(`valid_from` < `valid_to`, 0, 1)) AS empty_intervals,
  sum(IF(sakia_next_from < `valid_to`, 1, 0)) AS overlaps,
  sum(IF(`is_current` AND sakia_next_from IS NOT NULL, 1, 0)) AS early_open_ends,
  sum(IF(sakia_next_from = `valid_to` AND sakia_same, 1, 0)) AS equal_neighbours,
  sum(IF(`is_current` <=> (`valid_to` = TIMESTAMP '9999-12-31 00:00:00'), 0, 1)) AS wrong_marks
FROM (
  SELECT `is_current`, `valid_from`, `valid_to`,
    lead(`valid_from`) OVER {{by_key_and_start}} AS sakia_next_from, ({{same_as_next}}) AS sakia_same
  FROM {{target}}
) AS neighbours
