-- Who the customers are, where they live, what was sent to them and what they complained about. The data set has none of
-- this: all of it is made up by a fixed seed (fill.sql). Nobody of these names, addresses and numbers exists; e-mail
-- addresses end in example.com, .org or .net, and telephone numbers are those that Ofcom keeps free for drama.
-- No foreign keys to the tables of ../schema.sql, so that these can be loaded again by themselves.

USE shop;
DROP TABLE IF EXISTS customer_segments, tickets, shipments, addresses, product_changes, profile_changes, customer_profiles;

CREATE TABLE customer_profiles (
  customer_id      BIGINT UNSIGNED NOT NULL COMMENT 'The customer',
  first_name       VARCHAR(80)     NOT NULL COMMENT 'Made up',
  last_name        VARCHAR(80)     NOT NULL COMMENT 'Made up',
  email            VARCHAR(254)        NULL COMMENT 'Made up, NULL if none was given',
  phone            VARCHAR(20)         NULL COMMENT 'Made up, with the country code, NULL if none was given',
  gender           ENUM('F','M','O','U') NOT NULL COMMENT 'Made up; U is not said',
  birth_date       DATE                NULL COMMENT 'Made up, NULL if not said',
  lang             CHAR(5)         NOT NULL COMMENT 'Language of letters, by the country',
  signup_channel   VARCHAR(32)     NOT NULL COMMENT 'Made up: web, app, store, call centre',
  status           ENUM('active','blocked','closed') NOT NULL COMMENT 'As of today',
  loyalty_tier     ENUM('none','silver','gold','platinum') NOT NULL COMMENT 'As of today: by what was spent, see README',
  marketing_opt_in TINYINT(1)      NOT NULL COMMENT 'Whether advertising may be sent, as of today',
  do_not_contact   TINYINT(1)      NOT NULL COMMENT 'Whether nobody may call or write at all',
  made_up          TINYINT(1)      NOT NULL DEFAULT 1 COMMENT 'That this person does not exist: 1',
  created_at       DATETIME(6)     NOT NULL COMMENT 'First seen, on the shop''s clock',
  updated_at       TIMESTAMP(6)    NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
                                            COMMENT 'Instant of the last change of this row',
  PRIMARY KEY (customer_id),
  UNIQUE KEY email (email),
  UNIQUE KEY phone (phone),
  KEY updated_at (updated_at)
) COMMENT = '';

CREATE TABLE profile_changes (
  customer_id      BIGINT UNSIGNED NOT NULL COMMENT 'The customer',
  changed_at       DATETIME(6)     NOT NULL COMMENT 'Time of the change, on the shop''s clock',
  status           ENUM('active','blocked','closed') NOT NULL COMMENT 'From then on',
  loyalty_tier     ENUM('none','silver','gold','platinum') NOT NULL COMMENT 'From then on',
  marketing_opt_in TINYINT(1)      NOT NULL COMMENT 'From then on',
  city             VARCHAR(80)         NULL COMMENT 'From then on, NULL where the country is not known',
  region           VARCHAR(80)         NULL COMMENT 'From then on',
  postcode         VARCHAR(12)         NULL COMMENT 'From then on',
  country          VARCHAR(40)     NOT NULL COMMENT 'From then on, as the invoices show it',
  PRIMARY KEY (customer_id, changed_at),
  KEY changed_at (changed_at)
) COMMENT = 'The whole profile after each of its changes, append only; made up but for the country';

CREATE TABLE addresses (
  address_id   BIGINT UNSIGNED NOT NULL COMMENT 'Our own number',
  customer_id  BIGINT UNSIGNED NOT NULL COMMENT 'The customer',
  kind         ENUM('billing','shipping') NOT NULL COMMENT 'What it is used for',
  line1        VARCHAR(120)    NOT NULL COMMENT 'Made up',
  line2        VARCHAR(120)        NULL COMMENT 'Made up, mostly NULL',
  city         VARCHAR(80)         NULL COMMENT 'NULL where the country is not known',
  region       VARCHAR(80)         NULL COMMENT 'NULL where the country is not known',
  postcode     VARCHAR(12)         NULL COMMENT 'Made up',
  country      VARCHAR(40)     NOT NULL COMMENT 'Country on the customer''s latest invoice',
  is_default   BIT(1)          NOT NULL COMMENT 'The one that is taken where none is chosen',
  updated_at   TIMESTAMP(6)    NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
                                        COMMENT 'Instant of the last change of this row',
  PRIMARY KEY (address_id),
  KEY customer (customer_id),
  KEY updated_at (updated_at)
) COMMENT = 'Where customers live today; made up';

CREATE TABLE product_changes (
  product_id   BIGINT UNSIGNED NOT NULL COMMENT 'The product',
  changed_at   DATETIME(6)     NOT NULL COMMENT 'First moment of the month',
  category     VARCHAR(40)     NOT NULL COMMENT 'By a word in the name',
  brand        VARCHAR(40)     NOT NULL COMMENT 'Made up',
  list_price   DECIMAL(12,3)   NOT NULL COMMENT 'Price of most sales of that month, in pounds',
  cost         DECIMAL(12,3)   NOT NULL COMMENT 'Made up: what one piece costs the shop',
  PRIMARY KEY (product_id, changed_at),
  KEY changed_at (changed_at)
) COMMENT = 'Products as they were in each month that they were sold in, append only; brand and cost are made up';

CREATE TABLE shipments (
  shipment_id  BIGINT UNSIGNED NOT NULL COMMENT 'Our own number, in order of the orders',
  order_id     BIGINT UNSIGNED NOT NULL COMMENT 'The order that was sent',
  carrier      VARCHAR(40)     NOT NULL COMMENT 'Made up',
  tracking_no  VARCHAR(60)     NOT NULL COMMENT 'Made up',
  status       VARCHAR(20)     NOT NULL COMMENT 'packed, on the way, delivered',
  shipped_at   DATETIME            NULL COMMENT 'Made up, NULL while it is packed',
  promised_on  DATE            NOT NULL COMMENT 'Day that the customer was told',
  delivered_at DATETIME            NULL COMMENT 'Made up, NULL while it is on the way',
  updated_at   TIMESTAMP(6)    NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
                                        COMMENT 'Instant of the last change of this row',
  PRIMARY KEY (shipment_id),
  KEY order_id (order_id),
  KEY updated_at (updated_at)
) COMMENT = 'What was sent of each order above zero; made up';

CREATE TABLE tickets (
  ticket_id      BIGINT UNSIGNED NOT NULL COMMENT 'Our own number, in order of opening',
  customer_id    BIGINT UNSIGNED NOT NULL COMMENT 'The customer',
  order_id       BIGINT UNSIGNED     NULL COMMENT 'The order that it is about, NULL if none',
  channel        ENUM('phone','chat','email','social') NOT NULL COMMENT 'Made up',
  topic          VARCHAR(60)     NOT NULL COMMENT 'Made up',
  priority       TINYINT         NOT NULL COMMENT '1 is the highest of 4',
  state          ENUM('open','pending','solved','closed') NOT NULL COMMENT 'As of today',
  agent_id       INT             NOT NULL COMMENT 'Who answers, 1 to 24',
  csat           TINYINT             NULL COMMENT 'How content the customer was, 1 to 5, NULL if not said',
  opened_at      DATETIME        NOT NULL COMMENT 'On the shop''s clock',
  first_reply_at DATETIME            NULL COMMENT 'NULL while nobody has answered',
  closed_at      DATETIME            NULL COMMENT 'NULL while it is open or pending',
  updated_at     TIMESTAMP(6)    NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
                                          COMMENT 'Instant of the last change of this row',
  PRIMARY KEY (ticket_id),
  KEY customer (customer_id, opened_at),
  KEY updated_at (updated_at)
) COMMENT = 'What customers asked and complained about; made up';

CREATE TABLE customer_segments (
  customer_id    BIGINT         NOT NULL COMMENT 'The customer',
  first_order_at DATETIME           NULL COMMENT 'First order placed',
  last_order_at  DATETIME           NULL COMMENT 'Latest order placed',
  orders         BIGINT         NOT NULL COMMENT 'Orders placed',
  revenue        DECIMAL(16,3)  NOT NULL COMMENT 'Pounds, cancellations subtracted',
  ltv            DECIMAL(16,3)  NOT NULL COMMENT 'Margin so far, pounds',
  r              INT            NOT NULL COMMENT 'Quintile of recency, 5 the latest',
  f              INT            NOT NULL COMMENT 'Quintile of frequency, 5 the most orders',
  m              INT            NOT NULL COMMENT 'Quintile of money, 5 the most revenue',
  segment        VARCHAR(20)    NOT NULL COMMENT 'champion, loyal, promising, at risk, lost or other',
  as_of          DATE           NOT NULL COMMENT 'Day it was computed for',
  PRIMARY KEY (customer_id),
  KEY segment (segment)
) COMMENT = 'What the warehouse says of customers, for the CRM; filled by an export';
