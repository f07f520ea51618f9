-- 11. Which brand came to most in each month?
SELECT order_month, brand, net
FROM (
  SELECT order_month, brand, net, row_number() OVER (PARTITION BY order_month ORDER BY net DESC, brand) AS place
  FROM (
    SELECT f.order_month, d.brand, sum(f.net) AS net
    FROM fact_order_line f JOIN dim_product d ON d.sk = f.product_sk
    WHERE f.status = 'placed'
    GROUP BY f.order_month, d.brand
  ) by_brand
) ranked
WHERE place = 1
ORDER BY order_month;
