-- 1. What came in by month, cancellations left out, and how much more than the month before?
SELECT order_month, net, net - lag(net) OVER (ORDER BY order_month) AS more_than_before
FROM (
  SELECT order_month, sum(net) AS net FROM fact_order_line WHERE status <> 'cancelled' GROUP BY order_month
) months
ORDER BY order_month;
