-- 9. Of the customers who were not content (2 or less of 5), how many never ordered again?
WITH
  angry AS (
    SELECT cast(customer_id AS bigint) AS customer_id, min(closed_at) AS since
    FROM tickets WHERE csat <= 2 GROUP BY customer_id),
  again AS (
    SELECT DISTINCT a.customer_id
    FROM angry a JOIN orders o ON cast(o.customer_id AS bigint) = a.customer_id
    WHERE o.status = 'placed' AND o.ordered_at > a.since)
SELECT count(*) AS not_content, sum(if(g.customer_id IS NULL, 1, 0)) AS never_again,
       cast(sum(if(g.customer_id IS NULL, 1, 0)) * 1.0 / count(*) AS decimal(5,4)) AS share
FROM angry a LEFT JOIN again g ON g.customer_id = a.customer_id;
