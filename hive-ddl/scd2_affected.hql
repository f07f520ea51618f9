-- Narrows a table named e to the keys that have an event in the batch.
LEFT SEMI JOIN (
  SELECT DISTINCT {{keys}} FROM {{source}} AS b WHERE {{in_batch}}
  {{seen_in_batch}}
) AS a ON {{same_keys}}
