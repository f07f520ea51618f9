-- One row a customer who has ordered: RFM quintiles and what the customer is worth.
--
--   ${as_of}  the day it is computed for, such as 2011-12-09; orders after it do not count
--
-- Quintiles are 1 (least) to 5 (best): recency by the last order, frequency by orders placed, money by revenue. Customers
-- who are equal are parted by their numbers, so that running it again gives the same quintiles.

CREATE TABLE IF NOT EXISTS customer_value (
  customer_id    bigint         COMMENT 'the customer',
  first_order_at timestamp      COMMENT 'first order placed',
  last_order_at  timestamp      COMMENT 'latest order placed',
  orders         bigint         COMMENT 'orders placed',
  revenue        decimal(16,3)  COMMENT 'pounds, cancellations subtracted',
  ltv            decimal(16,3)  COMMENT 'margin so far, pounds',
  r              int            COMMENT 'quintile of recency, 5 the latest',
  f              int            COMMENT 'quintile of frequency, 5 the most orders',
  m              int            COMMENT 'quintile of money, 5 the most revenue',
  segment        string         COMMENT 'champion, loyal, promising, at risk, lost or other',
  as_of          date           COMMENT 'the day it was computed for'
)
COMMENT 'RFM quintiles and lifetime value, as of one day'
STORED AS PARQUET;

WITH
  bought AS (
    SELECT customer_id,
           min(if(status = 'placed', ordered_at, NULL)) AS first_order_at,
           max(if(status = 'placed', ordered_at, NULL)) AS last_order_at,
           count(DISTINCT if(status = 'placed', order_id, NULL)) AS orders,
           sum(net) AS revenue, sum(margin) AS ltv
    FROM fact_order_line
    WHERE customer_id IS NOT NULL AND to_date(ordered_at) <= '${as_of}'
    GROUP BY customer_id),
  ranked AS (
    SELECT b.*,
           ntile(5) OVER (ORDER BY last_order_at, customer_id) AS r,
           ntile(5) OVER (ORDER BY orders, customer_id) AS f,
           ntile(5) OVER (ORDER BY revenue, customer_id) AS m
    FROM bought b WHERE orders > 0)
INSERT OVERWRITE TABLE customer_value
SELECT customer_id, first_order_at, last_order_at, orders, cast(revenue AS decimal(16,3)),
       cast(coalesce(ltv, 0) AS decimal(16,3)), r, f, m,
       CASE WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'champion'
            WHEN r >= 3 AND f >= 4 THEN 'loyal'
            WHEN r >= 4 AND f <= 2 THEN 'promising'
            WHEN r <= 2 AND f >= 3 THEN 'at risk'
            WHEN r = 1 AND f <= 2 THEN 'lost'
            ELSE 'other' END,
       to_date('${as_of}')
FROM ranked;
