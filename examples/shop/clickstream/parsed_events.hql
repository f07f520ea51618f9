-- The shop's click log as hive-ddl/clickstream wants it (docs/clickstream.md): one row a request, with the shop's own names and
-- prices put into the columns that every site has.
CREATE OR REPLACE VIEW parsed_events AS
SELECT sha2(concat(c.source_file, '|', cast(c.source_offset AS string)), 256) AS event_id,
       c.event_ts AS event_ts_utc,
       c.source_offset AS event_seq,
       c.ip, c.user_agent, c.method, c.path, c.status, c.referrer, c.utm_source, c.utm_medium, c.utm_campaign,
       CASE WHEN c.user_agent LIKE '%iPad%' THEN 'tablet'
            WHEN c.user_agent LIKE '%Mobile%' OR c.user_agent LIKE '%Android%' THEN 'mobile'
            WHEN c.user_agent RLIKE 'Windows|Macintosh|X11' THEN 'desktop'
            ELSE 'other' END AS device,
       coalesce(c.is_bot, false) AS is_bot,
       c.visitor_id,
       c.customer_id,
       CASE WHEN c.path = '/account/cancel' THEN 'Order Cancelled'
            WHEN c.path = '/search' THEN 'Products Searched'
            WHEN c.stage = 2 THEN 'Product List Viewed'
            WHEN c.stage = 3 THEN 'Product Viewed'
            WHEN c.stage = 4 THEN 'Product Added'
            WHEN c.stage = 5 THEN 'Checkout Started'
            WHEN c.stage = 6 THEN 'Payment Info Entered'
            WHEN c.stage = 7 THEN 'Order Completed'
            ELSE 'Page Viewed' END AS event_name,
       -- What failed came no further.
       if(c.status < 400, c.stage, NULL) AS stage,
       c.product_code AS product_id,
       if(c.stage = 7, c.invoice_no, NULL) AS order_id,
       if(c.stage = 4, p.list_price, NULL) AS price,
       if(c.stage = 4, c.quantity, NULL) AS quantity,
       c.dt
FROM clicks c
LEFT JOIN products p ON p.stock_code = c.product_code;
