-- Fills the tables of schema.sql from the shop's own tables (../load.sql) and a seed. Chance is the digits of SHA-256 over
-- the seed and a key, so each row depends on nothing but these: two loads give the same rows.

SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE';
SET @seed = 'sakia shop 1';
-- The shop's last moment: what would happen later has not happened.
SET @today = (SELECT MAX(invoiced_at) FROM order_items);

-- Ten throws a customer, each 0 to 65535.
CREATE TEMPORARY TABLE dice (customer_id BIGINT UNSIGNED PRIMARY KEY, place INT, first_at DATETIME(6),
  d0 INT, d1 INT, d2 INT, d3 INT, d4 INT, d5 INT, d6 INT, d7 INT, d8 INT, d9 INT)
SELECT customer_id, ROW_NUMBER() OVER (ORDER BY customer_id) - 1 AS place, first_at,
       CONV(SUBSTR(h, 1, 4), 16, 10) AS d0, CONV(SUBSTR(h, 5, 4), 16, 10) AS d1, CONV(SUBSTR(h, 9, 4), 16, 10) AS d2,
       CONV(SUBSTR(h, 13, 4), 16, 10) AS d3, CONV(SUBSTR(h, 17, 4), 16, 10) AS d4, CONV(SUBSTR(h, 21, 4), 16, 10) AS d5,
       CONV(SUBSTR(h, 25, 4), 16, 10) AS d6, CONV(SUBSTR(h, 29, 4), 16, 10) AS d7, CONV(SUBSTR(h, 33, 4), 16, 10) AS d8,
       CONV(SUBSTR(h, 37, 4), 16, 10) AS d9
FROM (SELECT customer_id, MIN(changed_at) AS first_at, SHA2(CONCAT(@seed, ' person ', customer_id), 256) AS h
      FROM customer_changes GROUP BY customer_id) c;

-- From when each customer had which tier: by what was spent until the midnight before.
CREATE TEMPORARY TABLE tier_from (customer_id BIGINT UNSIGNED, at DATETIME(6), tier VARCHAR(8), PRIMARY KEY (customer_id, at))
WITH
  day AS (SELECT customer_id, DATE(ordered_at) AS day, SUM(total) AS spent FROM orders
          WHERE customer_id IS NOT NULL GROUP BY customer_id, DATE(ordered_at)),
  so_far AS (SELECT customer_id, day, SUM(spent) OVER (PARTITION BY customer_id ORDER BY day) AS spent FROM day),
  state AS (
    SELECT customer_id, first_at AS at, 'none' AS tier FROM dice
    UNION ALL
    SELECT customer_id, day + INTERVAL 1 DAY,
           CASE WHEN spent >= 10000 THEN 'platinum' WHEN spent >= 2500 THEN 'gold' WHEN spent >= 500 THEN 'silver' ELSE 'none' END
    FROM so_far WHERE day + INTERVAL 1 DAY <= @today),
  step AS (SELECT customer_id, at, tier, LAG(tier) OVER (PARTITION BY customer_id ORDER BY at) AS before_it FROM state)
SELECT customer_id, at, tier FROM step WHERE before_it IS NULL OR before_it <> tier;

-- From when each customer lived where: the country as the invoices show it; one in twelve moves to the next town.
CREATE TEMPORARY TABLE home_from (customer_id BIGINT UNSIGNED, at DATETIME(6), country VARCHAR(40), n INT,
                                  PRIMARY KEY (customer_id, at)) COLLATE utf8mb4_unicode_ci
WITH
  step AS (SELECT customer_id, changed_at AS at, country,
                  LAG(country) OVER (PARTITION BY customer_id ORDER BY changed_at) AS before_it FROM customer_changes),
  towns AS (SELECT country, COUNT(*) AS towns FROM town GROUP BY country)
SELECT s.customer_id, s.at, s.country, d.d0 % t.towns AS n
FROM step s JOIN dice d ON d.customer_id = s.customer_id JOIN towns t ON t.country = s.country
WHERE s.before_it IS NULL OR s.before_it <> s.country;

INSERT INTO home_from
WITH
  towns AS (SELECT country, COUNT(*) AS towns FROM town GROUP BY country),
  move AS (SELECT customer_id, d0, DATE(first_at) + INTERVAL (30 + d2 % 300) DAY + INTERVAL 9 HOUR AS at
           FROM dice WHERE d1 % 12 = 0),
  last AS (SELECT m.customer_id, m.at, m.d0, h.country,
                  ROW_NUMBER() OVER (PARTITION BY m.customer_id ORDER BY h.at DESC) AS age
           FROM move m JOIN home_from h ON h.customer_id = m.customer_id AND h.at < m.at WHERE m.at < @today)
SELECT l.customer_id, l.at, l.country, (l.d0 + 1) % t.towns
FROM last l JOIN towns t ON t.country = l.country WHERE l.age = 1 AND t.towns > 1;

-- Whether advertising may be sent: five of nine say yes, and one in ten changes its mind.
CREATE TEMPORARY TABLE consent_from (customer_id BIGINT UNSIGNED, at DATETIME(6), opt_in TINYINT, PRIMARY KEY (customer_id, at))
SELECT customer_id, first_at AS at, d3 % 9 < 5 AS opt_in FROM dice
UNION ALL
SELECT customer_id, DATE(first_at) + INTERVAL (10 + d4 % 200) DAY + INTERVAL 20 HOUR, NOT (d3 % 9 < 5)
FROM dice WHERE d5 % 10 = 0 AND DATE(first_at) + INTERVAL (10 + d4 % 200) DAY + INTERVAL 20 HOUR < @today;

-- One in fifty closes the account some time after the last order, one in two hundred is blocked.
CREATE TEMPORARY TABLE status_from (customer_id BIGINT UNSIGNED, at DATETIME(6), status VARCHAR(8), PRIMARY KEY (customer_id, at))
WITH last AS (SELECT customer_id, MAX(changed_at) AS last_at FROM customer_changes GROUP BY customer_id)
SELECT customer_id, first_at AS at, 'active' AS status FROM dice
UNION ALL
SELECT d.customer_id, DATE(last_at) + INTERVAL (5 + d7 % 60) DAY + INTERVAL 18 HOUR, IF(d6 % 200 < 4, 'closed', 'blocked')
FROM dice d JOIN last l ON l.customer_id = d.customer_id
WHERE d6 % 200 < 5 AND DATE(last_at) + INTERVAL (5 + d7 % 60) DAY + INTERVAL 18 HOUR < @today;

INSERT INTO profile_changes (customer_id, changed_at, status, loyalty_tier, marketing_opt_in, city, region, postcode, country)
WITH
  moment AS (SELECT customer_id, at FROM tier_from UNION SELECT customer_id, at FROM home_from
             UNION SELECT customer_id, at FROM consent_from UNION SELECT customer_id, at FROM status_from),
  state AS (
    SELECT m.customer_id, m.at,
      (SELECT s.status FROM status_from s WHERE s.customer_id = m.customer_id AND s.at <= m.at ORDER BY s.at DESC LIMIT 1) AS status,
      (SELECT t.tier FROM tier_from t WHERE t.customer_id = m.customer_id AND t.at <= m.at ORDER BY t.at DESC LIMIT 1) AS tier,
      (SELECT c.opt_in FROM consent_from c WHERE c.customer_id = m.customer_id AND c.at <= m.at ORDER BY c.at DESC LIMIT 1) AS opt_in,
      (SELECT MAX(h.at) FROM home_from h WHERE h.customer_id = m.customer_id AND h.at <= m.at) AS home_at
    FROM moment m)
SELECT s.customer_id, s.at, s.status, s.tier, s.opt_in, t.city, t.region,
       -- The digits of the postcode hang on the customer and the town.
       REPLACE(REPLACE(REPLACE(t.postcode, '99', LPAD(CRC32(CONCAT(@seed, s.customer_id, t.city)) % 100, 2, '0')),
                       '9 9', CONCAT(1 + d.d8 % 9, ' ', d.d9 % 10)), 'T 9', CONCAT('T ', d.d9 % 10)),
       h.country
FROM state s
JOIN dice d ON d.customer_id = s.customer_id
JOIN home_from h ON h.customer_id = s.customer_id AND h.at = s.home_at
JOIN town t ON t.country = h.country AND t.n = h.n
ORDER BY s.customer_id, s.at;

CREATE TEMPORARY TABLE latest (PRIMARY KEY (customer_id))
SELECT customer_id, changed_at, status, loyalty_tier, marketing_opt_in, city, region, postcode, country FROM (
  SELECT p.*, ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY changed_at DESC) AS age FROM profile_changes p) p
WHERE age = 1;

INSERT INTO customer_profiles (customer_id, first_name, last_name, email, phone, gender, birth_date, lang, signup_channel,
                               status, loyalty_tier, marketing_opt_in, do_not_contact, created_at, updated_at)
WITH throw AS (SELECT customer_id, SHA2(CONCAT(@seed, ' name ', customer_id), 256) AS h FROM dice),
  more AS (SELECT customer_id, CONV(SUBSTR(h, 1, 4), 16, 10) AS e0, CONV(SUBSTR(h, 5, 4), 16, 10) AS e1,
                  CONV(SUBSTR(h, 9, 4), 16, 10) AS e2, CONV(SUBSTR(h, 13, 4), 16, 10) AS e3,
                  CONV(SUBSTR(h, 17, 4), 16, 10) AS e4, CONV(SUBSTR(h, 21, 4), 16, 10) AS e5 FROM throw),
  -- 17 ranges of a thousand numbers; 7919 is prime to 17000, so nobody shares one.
  number AS (SELECT customer_id, place * 7919 % 17000 AS x FROM dice)
SELECT d.customer_id, f.name, l.name,
       IF(m.e2 % 33 = 0, NULL, CONCAT(f.plain, '.', l.plain, '.', d.customer_id, '@example.', ELT(1 + m.e3 % 3, 'com', 'org', 'net'))),
       IF(m.e2 % 10 = 1, NULL, CONCAT('+44', ELT(1 + x DIV 1000, '1134960', '1144960', '1154960', '1164960', '1174960', '1184960',
         '1214960', '1314960', '1414960', '1514960', '1614960', '2079460', '1914980', '2896496', '2920180', '1632960', '7700900'),
         LPAD(x % 1000, 3, '0'))),
       CASE WHEN m.e4 % 12 = 0 THEN 'U' WHEN m.e4 % 60 = 1 THEN 'O' ELSE f.gender END,
       IF(m.e5 % 5 < 3, DATE('1945-01-01') + INTERVAL (m.e5 % 17000) DAY, NULL),
       t.lang, ELT(1 + m.e4 % 7, 'web', 'web', 'web', 'app', 'app', 'store', 'call centre'),
       p.status, p.loyalty_tier, p.marketing_opt_in, m.e3 % 97 = 0, d.first_at, p.changed_at
FROM dice d
JOIN more m ON m.customer_id = d.customer_id
JOIN number n ON n.customer_id = d.customer_id
JOIN first_name f ON f.n = m.e0 % 40
JOIN last_name l ON l.n = m.e1 % 29
JOIN latest p ON p.customer_id = d.customer_id
JOIN town t ON t.country = p.country AND t.n = 0
ORDER BY d.customer_id;

INSERT INTO addresses (address_id, customer_id, kind, line1, line2, city, region, postcode, country, is_default, updated_at)
WITH home AS (
  SELECT p.customer_id, d.place, k.kind, p.city, p.region, p.postcode, p.country, p.changed_at,
         SHA2(CONCAT(@seed, ' street ', k.kind, p.customer_id), 256) AS h
  FROM latest p JOIN dice d ON d.customer_id = p.customer_id
  JOIN (SELECT 'billing' AS kind UNION ALL SELECT 'shipping') k ON k.kind = 'billing' OR d.d4 % 10 < 3)
SELECT ROW_NUMBER() OVER (ORDER BY a.customer_id, a.kind), a.customer_id, a.kind,
       CONCAT(1 + CONV(SUBSTR(h, 1, 4), 16, 10) % 180, ' ', s.name),
       IF(CONV(SUBSTR(h, 5, 4), 16, 10) % 6 = 0, CONCAT('Flat ', 1 + CONV(SUBSTR(h, 9, 4), 16, 10) % 40), NULL),
       a.city, a.region, a.postcode, a.country, a.kind = 'billing', a.changed_at
FROM home a JOIN street s ON s.n = CONV(SUBSTR(h, 13, 4), 16, 10) % 12;
