-- Fills the tables of schema.sql from the invoice lines on standard input: one CSV line each,
-- its place in the files first. Everything follows from the files and their order, so two loads
-- give the same rows. Refuses a result whose row counts are not those of the data set.

SET NAMES utf8mb4;
SET time_zone = '+00:00';
-- Every key written below comes out of the table it points to; checking each again doubles the time.
SET foreign_key_checks = 0;
SET sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE';

CREATE TEMPORARY TABLE line (
  place        INT UNSIGNED NOT NULL PRIMARY KEY,
  order_no     VARCHAR(10) NOT NULL,
  stock_code   VARCHAR(20) NOT NULL,
  description  VARCHAR(255) COLLATE utf8mb4_nopad_bin NULL,   -- many end in a blank, and keep it
  quantity     INT NOT NULL,
  invoiced_at  DATETIME(6) NOT NULL,
  unit_price   DECIMAL(12,3) NOT NULL,
  customer_id  BIGINT UNSIGNED NULL,
  country      VARCHAR(40) NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE line
  CHARACTER SET utf8mb4
  FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY ''
  (place, order_no, stock_code, @description, quantity, invoiced_at, unit_price, @customer, country)
  SET description = NULLIF(@description, ''),
      customer_id = CAST(NULLIF(@customer, '') AS DECIMAL(20,1));   -- reads 17850.0

CREATE TEMPORARY TABLE invoice (PRIMARY KEY (order_no)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
SELECT ROW_NUMBER() OVER (ORDER BY MIN(place)) AS order_id,
       order_no,
       MIN(customer_id)            AS customer_id,
       MIN(invoiced_at)            AS ordered_at,
       MAX(invoiced_at)            AS updated_at,
       MIN(country)                AS country,
       COUNT(*)                    AS item_count,
       SUM(quantity * unit_price)  AS total,
       LEFT(order_no, 1) = 'C'     AS cancelled
FROM line
GROUP BY order_no;

START TRANSACTION;

INSERT INTO customers
  (customer_id, country, first_order_date, last_order_at, last_cancelled_at, orders_placed, updated_at)
WITH latest AS (
  SELECT customer_id, country,
         ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY ordered_at DESC, order_id DESC) AS age
  FROM invoice WHERE customer_id IS NOT NULL)
SELECT i.customer_id, l.country,
       DATE(MIN(i.ordered_at)),
       MAX(IF(i.cancelled, NULL, i.ordered_at)),
       MAX(IF(i.cancelled, i.ordered_at, NULL)),
       SUM(NOT i.cancelled),
       MAX(i.updated_at)
FROM invoice i JOIN latest l ON l.customer_id = i.customer_id AND l.age = 1
GROUP BY i.customer_id, l.country
ORDER BY i.customer_id;

INSERT INTO products (product_id, stock_code, kind, name, list_price, first_sold_on, updated_at)
WITH
  code AS (
    SELECT stock_code, MIN(place) AS first_place, MAX(IF(unit_price > 0 AND quantity > 0, place, NULL)) AS last_sale,
           MIN(invoiced_at) AS first_at, MAX(invoiced_at) AS last_at
    FROM line GROUP BY stock_code),
  text AS (
    SELECT stock_code, description,
           ROW_NUMBER() OVER (PARTITION BY stock_code ORDER BY COUNT(*) DESC, description) AS standing
    FROM line WHERE description IS NOT NULL GROUP BY stock_code, description)
SELECT ROW_NUMBER() OVER (ORDER BY c.first_place),
       c.stock_code,
       CASE WHEN c.stock_code REGEXP '^[0-9]{5}|^DCGS' THEN 'article'
            WHEN c.stock_code LIKE 'gift%' THEN 'voucher'
            ELSE 'charge' END,
       t.description, s.unit_price, DATE(c.first_at), c.last_at
FROM code c
LEFT JOIN text t ON t.stock_code = c.stock_code AND t.standing = 1
LEFT JOIN line s ON s.place = c.last_sale;

INSERT INTO orders (order_id, order_no, customer_id, status, ordered_at, country, item_count, total, updated_at)
SELECT order_id, order_no, customer_id, IF(cancelled, 'cancelled', 'placed'), ordered_at, country,
       item_count, total, updated_at
FROM invoice ORDER BY order_id;

INSERT INTO order_items
  (order_id, line_no, product_id, stock_code, description, quantity, unit_price, invoiced_at)
SELECT i.order_id, ROW_NUMBER() OVER (PARTITION BY i.order_id ORDER BY l.place), p.product_id,
       l.stock_code, l.description, l.quantity, l.unit_price, l.invoiced_at
FROM line l
JOIN invoice i ON i.order_no = l.order_no
JOIN products p ON p.stock_code = l.stock_code;

INSERT INTO customer_changes (customer_id, changed_at, country)
SELECT DISTINCT customer_id, invoiced_at, country
FROM line WHERE customer_id IS NOT NULL
ORDER BY customer_id, invoiced_at;

DELIMITER //
BEGIN NOT ATOMIC
  DECLARE found VARCHAR(100);
  SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM customers), (SELECT COUNT(*) FROM products),
                   (SELECT COUNT(*) FROM orders), (SELECT COUNT(*) FROM order_items),
                   (SELECT COUNT(*) FROM customer_changes)) INTO found;
  IF found <> '4372 4070 25900 541909 22034' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'shop: the loaded rows are not those of the data set';
  END IF;
END//
DELIMITER ;

COMMIT;
