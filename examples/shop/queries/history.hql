-- One customer's history.
SELECT customer_id, country, valid_from, valid_to, is_current
FROM shop.dim_customer
WHERE customer_id = 12370
ORDER BY valid_from;
