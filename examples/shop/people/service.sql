-- Products by month, shipments and tickets; goes on from fill.sql.

INSERT INTO product_changes (product_id, changed_at, category, brand, list_price, cost)
WITH
  price AS (SELECT product_id, DATE_FORMAT(invoiced_at, '%Y-%m-01') AS month, unit_price, COUNT(*) AS sales
            FROM order_items WHERE quantity > 0 AND unit_price > 0
            GROUP BY product_id, DATE_FORMAT(invoiced_at, '%Y-%m-01'), unit_price),
  most AS (SELECT p.*, ROW_NUMBER() OVER (PARTITION BY product_id, month ORDER BY sales DESC, unit_price DESC) AS standing
           FROM price p),
  kind AS (
    SELECT product_id, stock_code,
      CASE WHEN kind = 'charge' THEN 'charges' WHEN kind = 'voucher' THEN 'vouchers'
           WHEN name REGEXP 'CHRISTMAS|XMAS|ADVENT|SANTA' THEN 'christmas'
           WHEN name REGEXP 'BAG|SHOPPER|PURSE' THEN 'bags'
           WHEN name REGEXP 'CANDLE|T-LIGHT|LANTERN|HOLDER' THEN 'candles'
           WHEN name REGEXP 'MUG|CUP|PLATE|BOWL|TEA|CAKE|KITCHEN|JAR|TIN|LUNCH' THEN 'kitchen'
           WHEN name REGEXP 'GARDEN|PLANT|FLOWER|HERB|BIRD' THEN 'garden'
           WHEN name REGEXP 'CARD|PAPER|WRAP|PEN|NOTEBOOK|RIBBON|TAPE' THEN 'stationery'
           WHEN name REGEXP 'NECKLACE|EARRING|BRACELET|RING|BROOCH' THEN 'jewellery'
           WHEN name REGEXP 'TOY|GAME|DOLL|JIGSAW|BLOCK|CHILD' THEN 'toys'
           ELSE 'home' END AS category,
      SHA2(CONCAT(@seed, ' product ', stock_code), 256) AS h
    FROM products)
SELECT m.product_id, m.month, k.category,
       ELT(1 + CONV(SUBSTR(h, 1, 4), 16, 10) % 9, 'Alderley', 'Brambles & Co', 'Copperfield', 'Dovetail', 'Ember Lane', 'Foxglove',
           'Gable', 'Hearthside', 'Ivory Row'),
       m.unit_price, ROUND(m.unit_price * (45 + CONV(SUBSTR(h, 5, 4), 16, 10) % 26) / 100, 3)
FROM most m JOIN kind k ON k.product_id = m.product_id
WHERE m.standing = 1
ORDER BY m.product_id, m.month;

-- Every order above zero is sent within three days. Two carriers at home, two abroad, of which the second of each is
-- often late; what would arrive after the shop's last moment is still on its way.
INSERT INTO shipments (shipment_id, order_id, carrier, tracking_no, status, shipped_at, promised_on, delivered_at, updated_at)
WITH
  sent AS (
    SELECT o.order_id, o.ordered_at, o.country = 'United Kingdom' AS at_home,
           SHA2(CONCAT(@seed, ' parcel ', o.order_no), 256) AS h
    FROM orders o WHERE o.status = 'placed' AND o.total > 0),
  thrown AS (SELECT s.*, CONV(SUBSTR(h, 1, 4), 16, 10) AS p0, CONV(SUBSTR(h, 5, 4), 16, 10) AS p1,
                    CONV(SUBSTR(h, 9, 4), 16, 10) AS p2, CONV(SUBSTR(h, 13, 4), 16, 10) AS p3 FROM sent s),
  plan AS (
    SELECT order_id, at_home, h, p0 % 2 AS second, ordered_at + INTERVAL (120 + p1 % 4200) MINUTE AS shipped_at,
           DATE(ordered_at) + INTERVAL IF(at_home, 5, 12) DAY AS promised_on,
           IF(at_home, 1200 + p2 % 2400, 4000 + p2 % 8000)
             + IF(p3 % 100 < IF(p0 % 2 = 1, 18, 6), 4320 + p3 % 7200, 0) AS minutes
    FROM thrown),
  done AS (SELECT p.*, shipped_at + INTERVAL minutes MINUTE AS delivered_at FROM plan p)
SELECT ROW_NUMBER() OVER (ORDER BY order_id), order_id,
       ELT(1 + second + 2 * (1 - at_home), 'Redwing Parcels', 'Penny Post', 'Meridian Freight', 'Atlas Express'),
       UPPER(SUBSTR(h, 20, 12)),
       CASE WHEN shipped_at > @today THEN 'packed' WHEN delivered_at > @today THEN 'on the way' ELSE 'delivered' END,
       IF(shipped_at > @today, NULL, shipped_at), promised_on, IF(delivered_at > @today, NULL, delivered_at),
       LEAST(@today, IF(shipped_at > @today, @today, IF(delivered_at > @today, shipped_at, delivered_at)))
FROM done ORDER BY order_id;

-- One late delivery in four is complained about, mostly within a week; of other orders one in sixty raises a question, and
-- one customer in thirty asks something that no order explains.
INSERT INTO tickets (ticket_id, customer_id, order_id, channel, topic, priority, state, agent_id, csat, opened_at,
                     first_reply_at, closed_at, updated_at)
WITH
  parcel AS (
    SELECT o.customer_id, o.order_id, s.delivered_at, o.ordered_at, DATE(s.delivered_at) > s.promised_on AS late,
           SHA2(CONCAT(@seed, ' ticket ', o.order_no), 256) AS h
    FROM orders o JOIN shipments s ON s.order_id = o.order_id WHERE o.customer_id IS NOT NULL),
  about AS (
    SELECT customer_id, order_id, h, 'late delivery' AS topic, 1 + CONV(SUBSTR(h, 5, 4), 16, 10) % 2 AS priority,
           delivered_at + INTERVAL (CONV(SUBSTR(h, 9, 4), 16, 10) % 14400) MINUTE AS opened_at
    FROM parcel WHERE late AND CONV(SUBSTR(h, 1, 4), 16, 10) % 4 = 0
    UNION ALL
    SELECT customer_id, order_id, h, ELT(1 + CONV(SUBSTR(h, 5, 4), 16, 10) % 4, 'damaged', 'wrong item', 'invoice', 'return'),
           2 + CONV(SUBSTR(h, 5, 4), 16, 10) % 3, ordered_at + INTERVAL (1440 + CONV(SUBSTR(h, 9, 4), 16, 10) % 20000) MINUTE
    FROM parcel WHERE NOT COALESCE(late, 0) AND CONV(SUBSTR(h, 1, 4), 16, 10) % 60 = 0
    UNION ALL
    SELECT customer_id, NULL, SHA2(CONCAT(@seed, ' question ', customer_id), 256), 'account', 4,
           first_at + INTERVAL (d8 * 5) MINUTE
    FROM dice WHERE d9 % 30 = 0),
  thrown AS (SELECT a.*, CONV(SUBSTR(h, 13, 4), 16, 10) AS q0, CONV(SUBSTR(h, 17, 4), 16, 10) AS q1,
                    CONV(SUBSTR(h, 21, 4), 16, 10) AS q2, CONV(SUBSTR(h, 25, 4), 16, 10) AS q3
             FROM about a WHERE opened_at < @today),
  times AS (SELECT t.*, opened_at + INTERVAL (5 + q1 % 1400) MINUTE AS reply_at,
                   opened_at + INTERVAL (1500 + q2 % 6000) MINUTE AS done_at FROM thrown t)
SELECT ROW_NUMBER() OVER (ORDER BY opened_at, customer_id, topic, order_id), customer_id, order_id,
       ELT(1 + q0 % 7, 'phone', 'phone', 'email', 'email', 'email', 'chat', 'social'), topic, priority,
       CASE WHEN done_at < @today THEN IF(q3 % 2, 'solved', 'closed') WHEN reply_at < @today THEN 'pending' ELSE 'open' END,
       1 + q0 % 24,
       IF(done_at < @today AND q3 % 5 < 3, IF(topic = 'late delivery', 1 + q3 % 4, 2 + q3 % 4), NULL),
       opened_at, IF(reply_at < @today, reply_at, NULL), IF(done_at < @today, done_at, NULL),
       IF(done_at < @today, done_at, IF(reply_at < @today, reply_at, opened_at))
FROM times;

DELIMITER //
BEGIN NOT ATOMIC
  DECLARE found VARCHAR(100);
  SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM customer_profiles), (SELECT COUNT(*) FROM profile_changes),
                   (SELECT COUNT(*) FROM addresses), (SELECT COUNT(*) FROM product_changes),
                   (SELECT COUNT(*) FROM shipments), (SELECT COUNT(*) FROM tickets)) INTO found;
  IF found <> '4372 8422 5630 34069 19960 844' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'shop: the people are not those that the seed makes';
  END IF;
END//
DELIMITER ;
