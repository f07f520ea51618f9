-- One row a customer and a day on which something happened: what was ordered, what it came to until then, and sessions.
--
-- Computed as a whole: what a customer has spent to date hangs on all days before. Rows are as many as days with an order
-- or a session, not as many as days.

CREATE TABLE IF NOT EXISTS agg_customer_daily (
  customer_id    bigint         COMMENT 'the customer',
  day            date           COMMENT 'on the shop''s clock',
  orders         bigint         COMMENT 'orders placed',
  cancellations  bigint         COMMENT 'orders cancelled',
  units          bigint         COMMENT 'pieces, those taken back subtracted',
  revenue        decimal(16,3)  COMMENT 'pounds, cancellations subtracted',
  margin         decimal(16,3)  COMMENT 'pounds, of lines whose cost is known',
  sessions       bigint         COMMENT 'visits of people, not of bots',
  orders_to_date bigint         COMMENT 'orders placed until the end of the day',
  ltv_to_date    decimal(18,3)  COMMENT 'margin until the end of the day: what the customer has brought so far'
)
COMMENT 'Customers by day'
STORED AS PARQUET;

WITH
  bought AS (
    SELECT customer_id, to_date(ordered_at) AS day,
           count(DISTINCT if(status = 'placed', order_id, NULL)) AS orders,
           count(DISTINCT if(status = 'cancelled', order_id, NULL)) AS cancellations,
           sum(quantity) AS units, sum(net) AS revenue, sum(margin) AS margin
    FROM fact_order_line WHERE customer_id IS NOT NULL
    GROUP BY customer_id, to_date(ordered_at)),
  visited AS (
    SELECT customer_id, to_date(started_at) AS day, count(*) AS sessions
    FROM fact_session WHERE customer_id IS NOT NULL AND NOT is_bot
    GROUP BY customer_id, to_date(started_at)),
  daily AS (
    SELECT coalesce(b.customer_id, v.customer_id) AS customer_id, coalesce(b.day, v.day) AS day,
           coalesce(b.orders, 0) AS orders, coalesce(b.cancellations, 0) AS cancellations, coalesce(b.units, 0) AS units,
           coalesce(b.revenue, 0) AS revenue, coalesce(b.margin, 0) AS margin, coalesce(v.sessions, 0) AS sessions
    FROM bought b FULL OUTER JOIN visited v ON v.customer_id = b.customer_id AND v.day = b.day)
INSERT OVERWRITE TABLE agg_customer_daily
SELECT customer_id, day, orders, cancellations, units, cast(revenue AS decimal(16,3)), cast(margin AS decimal(16,3)), sessions,
       sum(orders) OVER (PARTITION BY customer_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
       cast(sum(margin) OVER (PARTITION BY customer_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
            AS decimal(18,3))
FROM daily;
