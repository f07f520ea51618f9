-- The shop's database. Column comments travel with the columns into Hive.
-- DATETIME is the wall clock of the shop (London) and has no zone; TIMESTAMP is an instant,
-- loaded with the session in UTC.

CREATE DATABASE IF NOT EXISTS shop;
-- load.sh writes the fingerprint of a finished load here; no comment, no finished load.
ALTER DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci COMMENT = '';
USE shop;

DROP TABLE IF EXISTS customer_changes, order_items, orders, products, customers;

CREATE TABLE customers (
  customer_id       BIGINT UNSIGNED NOT NULL COMMENT 'Number of the customer as printed on the invoice',
  country           VARCHAR(40)     NOT NULL COMMENT 'Country on the customer''s latest invoice',
  first_order_date  DATE            NOT NULL COMMENT 'Day of the first invoice of any kind',
  last_order_at     DATETIME(6)         NULL COMMENT 'When the latest order was placed, NULL if all we saw were cancellations',
  last_cancelled_at DATETIME(6)         NULL COMMENT 'When an order was last cancelled, NULL if never',
  orders_placed     INT UNSIGNED    NOT NULL COMMENT 'Orders placed, cancellations not counted',
  updated_at        TIMESTAMP(6)    NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
                                             COMMENT 'Instant of the last change of this row',
  PRIMARY KEY (customer_id),
  KEY updated_at (updated_at)
) COMMENT = 'Who bought, as known today';

CREATE TABLE products (
  product_id     BIGINT UNSIGNED NOT NULL COMMENT 'Our own number, in order of first sale',
  stock_code     VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
                                          COMMENT 'Code printed on the invoice; 85123A and 85123a are two codes',
  kind           ENUM('article','voucher','charge') NOT NULL
                                          COMMENT 'A charge is a code like POST, D (discount) or BANK CHARGES',
  name           VARCHAR(255)        NULL COMMENT 'Most frequent description, NULL if it never had one',
  list_price     DECIMAL(12,3)       NULL COMMENT 'Price in pounds of the latest sale above zero, NULL if never sold',
  first_sold_on  DATE            NOT NULL COMMENT 'Day of the first invoice line',
  updated_at     TIMESTAMP(6)    NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
                                          COMMENT 'Instant of the last change of this row',
  PRIMARY KEY (product_id),
  UNIQUE KEY stock_code (stock_code),
  KEY updated_at (updated_at)
) COMMENT = 'What is sold, and what is only charged';

CREATE TABLE orders (
  order_id     BIGINT UNSIGNED NOT NULL COMMENT 'Our own number, in order of first line',
  order_no     VARCHAR(10)     NOT NULL COMMENT 'Invoice number; C is a cancellation, A an adjustment of bad debt',
  customer_id  BIGINT UNSIGNED     NULL COMMENT 'The customer, NULL for a guest or the shop''s own bookings',
  status       ENUM('placed','cancelled') NOT NULL COMMENT 'An order never changes: a cancellation is an order of its own',
  ordered_at   DATETIME(6)     NOT NULL COMMENT 'Time of the first line, on the shop''s clock',
  country      VARCHAR(40)     NOT NULL COMMENT 'Country on the invoice',
  item_count   INT UNSIGNED    NOT NULL COMMENT 'Lines of the order',
  total        DECIMAL(14,3)   NOT NULL COMMENT 'Sum of quantity times price in pounds, below zero for a cancellation',
  updated_at   TIMESTAMP(6)    NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
                                        COMMENT 'Instant of the last change of this row',
  PRIMARY KEY (order_id),
  UNIQUE KEY order_no (order_no),
  KEY customer (customer_id, ordered_at),
  KEY updated_at (updated_at),
  CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (customer_id)
) COMMENT = 'Invoices: orders, cancellations and adjustments';

CREATE TABLE order_items (
  order_id     BIGINT UNSIGNED   NOT NULL COMMENT 'The order',
  line_no      SMALLINT UNSIGNED NOT NULL COMMENT 'Place of the line in the order, from 1',
  product_id   BIGINT UNSIGNED   NOT NULL COMMENT 'What was sold or charged',
  stock_code   VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'Its code, as printed',
  description  VARCHAR(255)          NULL COMMENT 'Text of the line as typed: "damaged?", blanks and all',
  quantity     INT               NOT NULL COMMENT 'Pieces, below zero when taken back',
  unit_price   DECIMAL(12,3)     NOT NULL COMMENT 'Price of one piece in pounds, below zero when debt is written off',
  invoiced_at  DATETIME(6)       NOT NULL COMMENT 'Time of the line, on the shop''s clock',
  PRIMARY KEY (order_id, line_no),
  KEY product (product_id),
  CONSTRAINT order_items_order FOREIGN KEY (order_id) REFERENCES orders (order_id),
  CONSTRAINT order_items_product FOREIGN KEY (product_id) REFERENCES products (product_id)
) COMMENT = 'Lines of the invoices';

CREATE TABLE customer_changes (
  customer_id  BIGINT UNSIGNED NOT NULL COMMENT 'The customer',
  changed_at   DATETIME(6)     NOT NULL COMMENT 'Time of the invoice line, on the shop''s clock',
  country      VARCHAR(40)     NOT NULL COMMENT 'Country the invoice showed; often the same as before',
  PRIMARY KEY (customer_id, changed_at),
  KEY changed_at (changed_at),
  CONSTRAINT customer_changes_customer FOREIGN KEY (customer_id) REFERENCES customers (customer_id)
) COMMENT = 'What each invoice showed of its customer, append only';
