-- One row a line of an order, with the versions of customer, profile and product that held when it was ordered.
--
--   ${from_month}  the first month that is computed, such as 2010-12; earlier months stay as they are
--
-- Months are replaced as wholes, so running it again gives the same rows. A version is found once an order, not once a
-- line: Hive joins by equal keys, and the interval is a condition behind it. '-1' stands for a version that nobody knows:
-- an order of a guest, a product that was never sold for a price before.

CREATE TABLE IF NOT EXISTS fact_order_line (
  order_id     bigint         COMMENT 'the order',
  line_no      int            COMMENT 'place of the line in the order, from 1',
  order_no     string         COMMENT 'invoice number',
  status       string         COMMENT 'placed or cancelled: a cancellation is an order of its own, with negative lines',
  customer_id  bigint         COMMENT 'NULL for a guest',
  customer_sk  string         COMMENT 'version of dim_customer as of ordered_at, -1 if there is none',
  profile_sk   string         COMMENT 'version of dim_profile as of ordered_at, -1 if there is none',
  product_id   bigint         COMMENT 'what was sold or charged',
  product_sk   string         COMMENT 'version of dim_product as of ordered_at, -1 if there is none',
  stock_code   string         COMMENT 'code as printed',
  ordered_at   timestamp      COMMENT 'on the shop''s clock',
  quantity     int            COMMENT 'pieces, below zero when taken back',
  unit_price   decimal(12,3)  COMMENT 'pounds',
  net          decimal(16,3)  COMMENT 'quantity times price, pounds',
  margin       decimal(16,3)  COMMENT 'net without what the pieces cost the shop, NULL where the cost is not known'
)
COMMENT 'Lines of orders with the versions that held when they were ordered'
PARTITIONED BY (order_month string COMMENT 'month of ordered_at')
STORED AS PARQUET;

SET hive.exec.dynamic.partition.mode=nonstrict;

WITH
  placed AS (
    SELECT order_id, order_no, status, customer_id, ordered_at, order_month
    FROM orders WHERE order_month >= '${from_month}'),
  customer AS (
    SELECT o.order_id, d.sk FROM placed o JOIN dim_customer d ON d.customer_id = o.customer_id
    WHERE o.ordered_at >= d.valid_from AND o.ordered_at < d.valid_to),
  profile AS (
    SELECT o.order_id, d.sk FROM placed o JOIN dim_profile d ON d.customer_id = o.customer_id
    WHERE o.ordered_at >= d.valid_from AND o.ordered_at < d.valid_to),
  product AS (
    SELECT o.order_id, i.line_no, d.sk, d.cost
    FROM placed o JOIN order_items i ON i.order_id = o.order_id JOIN dim_product d ON d.product_id = i.product_id
    WHERE o.ordered_at >= d.valid_from AND o.ordered_at < d.valid_to)
INSERT OVERWRITE TABLE fact_order_line PARTITION (order_month)
SELECT cast(o.order_id AS bigint), cast(i.line_no AS int), o.order_no, o.status, cast(o.customer_id AS bigint),
       coalesce(c.sk, '-1'), coalesce(p.sk, '-1'), cast(i.product_id AS bigint), coalesce(q.sk, '-1'), i.stock_code,
       o.ordered_at, i.quantity, i.unit_price, cast(i.quantity * i.unit_price AS decimal(16,3)),
       cast(i.quantity * (i.unit_price - q.cost) AS decimal(16,3)), o.order_month
FROM placed o
JOIN order_items i ON i.order_id = o.order_id
LEFT JOIN customer c ON c.order_id = o.order_id
LEFT JOIN profile p ON p.order_id = o.order_id
LEFT JOIN product q ON q.order_id = i.order_id AND q.line_no = i.line_no;
