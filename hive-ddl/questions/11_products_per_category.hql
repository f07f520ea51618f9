-- 11. How many products does each category have today, and how many pieces were sold of it?
SELECT d.category, count(DISTINCT d.product_id) AS products, coalesce(sum(s.units), 0) AS units
FROM dim_product d
LEFT JOIN (SELECT product_id, sum(quantity) AS units FROM fact_order_line WHERE status = 'placed' GROUP BY product_id) s
  ON s.product_id = cast(d.product_id AS bigint)
WHERE d.is_current
GROUP BY d.category
ORDER BY d.category;
