-- 8. What did ${stock_code} cost when, and how many were sold at each price?
SELECT d.valid_from, d.list_price, coalesce(sum(f.quantity), 0) AS units, coalesce(sum(f.net), 0) AS net
FROM products p
JOIN dim_product d ON d.product_id = p.product_id
LEFT JOIN fact_order_line f ON f.product_sk = d.sk
WHERE p.stock_code = '${stock_code}'
GROUP BY d.valid_from, d.list_price
ORDER BY d.valid_from;
