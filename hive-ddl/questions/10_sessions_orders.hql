-- 10. Which orders does the click log not show, and which does it show that the database does not have, by hour? No row is
-- the good answer. Orders are matched by their numbers: the clocks of both differ by up to a minute, so that counts of
-- hours would differ at their ends.
-- A sale is an order that was placed, other than an adjustment (A) and stock that was written off: nobody's, and nothing
-- but pieces taken away.
WITH
  most AS (
    SELECT order_id, max(quantity) AS pieces FROM order_items WHERE stock_code RLIKE '^[0-9]{5}' GROUP BY order_id),
  sales AS (
    SELECT o.order_no, o.ordered_at
    FROM orders o LEFT JOIN most m ON m.order_id = o.order_id
    WHERE o.status = 'placed' AND o.order_no NOT LIKE 'A%' AND NOT (o.customer_id IS NULL AND coalesce(m.pieces, 1) <= 0)),
  clicks AS (
    SELECT order_id, min(event_ts_utc) AS event_ts_utc
    FROM fact_event WHERE event_name = 'Order Completed' AND order_id IS NOT NULL
    GROUP BY order_id)
SELECT date_format(coalesce(s.ordered_at, c.event_ts_utc), 'yyyy-MM-dd HH') AS hour,
       sum(if(c.order_id IS NULL, 1, 0)) AS without_clicks, sum(if(s.order_no IS NULL, 1, 0)) AS without_order
FROM sales s FULL OUTER JOIN clicks c ON c.order_id = s.order_no
WHERE s.order_no IS NULL OR c.order_id IS NULL
GROUP BY date_format(coalesce(s.ordered_at, c.event_ts_utc), 'yyyy-MM-dd HH')
ORDER BY hour;
