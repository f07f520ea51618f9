-- Sessions of people by month, with what became of the carts that were begun in it.
SELECT s.month, s.sessions, s.known, s.minutes, c.carts, c.ordered, c.abandoned, c.left_value
FROM (
  SELECT substr(dt, 1, 7) AS month, count(*) AS sessions, count(customer_id) AS known,
         cast(avg(unix_timestamp(ended_at) - unix_timestamp(started_at)) / 60 AS decimal(6,1)) AS minutes
  FROM shop.fact_session
  WHERE NOT is_bot
  GROUP BY substr(dt, 1, 7)
) s
JOIN (
  SELECT substr(dt, 1, 7) AS month, count(*) AS carts, count(order_id) AS ordered, count(abandoned_at) AS abandoned,
         sum(if(order_id IS NULL, value, NULL)) AS left_value
  FROM shop.fact_cart
  GROUP BY substr(dt, 1, 7)
) c ON c.month = s.month
ORDER BY month;
