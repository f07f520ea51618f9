-- 6. How many customers are how recent, frequent and rich, and what have they brought?
SELECT r, f, m, count(*) AS customers, sum(revenue) AS revenue, sum(ltv) AS ltv
FROM customer_value
GROUP BY r, f, m
ORDER BY r, f, m;
