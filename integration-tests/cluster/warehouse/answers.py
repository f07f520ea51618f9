"""The answers to the questions of hive-ddl/questions, computed by DuckDB from the rows in MySQL, and Hive's beside them.

Arguments: a folder with NAME.tsv of the tables as MariaDB's client wrote them, NAME.parquet of the click stream's tables, and
QUESTION.csv of Hive's answers. Prints a line a question: its name, the number of rows, and how many differ with an example.

Versions are not taken from the dimensions: what held as of an order is looked for in the logs of changes.
"""

import csv
import decimal
import pathlib

import duckdb

folder = pathlib.Path(args[0])
db = duckdb.connect()
# On a slow machine it would stand among the answers.
db.execute("SET enable_progress_bar = false")

TABLES = {
    "orders": "order_id BIGINT, order_no VARCHAR, customer_id BIGINT, status VARCHAR, ordered_at TIMESTAMP",
    "order_items": "order_id BIGINT, line_no INT, product_id BIGINT, quantity BIGINT, unit_price DECIMAL(12,3)",
    "products": "product_id BIGINT, stock_code VARCHAR",
    "profile_changes": "customer_id BIGINT, changed_at TIMESTAMP, status VARCHAR, loyalty_tier VARCHAR, "
    "marketing_opt_in INT, city VARCHAR, region VARCHAR, postcode VARCHAR, country VARCHAR",
    "product_changes": "product_id BIGINT, changed_at TIMESTAMP, category VARCHAR, brand VARCHAR, "
    "list_price DECIMAL(12,3), cost DECIMAL(12,3)",
    "shipments": "order_id BIGINT, carrier VARCHAR, promised_on DATE, delivered_at TIMESTAMP",
    "tickets": "ticket_id BIGINT, customer_id BIGINT, order_id BIGINT, csat INT, opened_at TIMESTAMP, closed_at TIMESTAMP",
}
for name, columns in TABLES.items():
    types = ", ".join(f"'{c.split()[0]}': '{' '.join(c.split()[1:])}'" for c in columns.replace("(12,3)", "(12;3)").split(", "))
    db.execute(
        f"create table {name} as select * from read_csv('{folder}/{name}.tsv', delim='\t', header=true, nullstr='NULL', "
        f"quote='', escape='', columns={{{types.replace(';', ',')}}})"
    )
for file in folder.glob("*.parquet"):
    db.execute(f"create table {file.stem} as select * from read_parquet('{file}')")

db.execute("""
create view line as
select o.order_id, o.status, o.customer_id, o.ordered_at, strftime(o.ordered_at, '%Y-%m') as order_month, i.line_no,
       i.product_id, i.quantity, cast(i.quantity * i.unit_price as decimal(18,3)) as net
from orders o join order_items i using (order_id);

create table priced as
select l.*, p.changed_at as price_since, p.brand, cast(l.quantity * p.cost as decimal(18,3)) as cost
from line l asof left join product_changes p on p.product_id = l.product_id and l.ordered_at >= p.changed_at;

create table tiered as
select l.*, p.loyalty_tier
from line l asof join profile_changes p on p.customer_id = l.customer_id and l.ordered_at >= p.changed_at;

create view profile_now as
select customer_id, arg_max(status, changed_at) as status, arg_max(marketing_opt_in, changed_at) as opt_in
from profile_changes group by customer_id;

create view daily as
select customer_id, cast(ordered_at as date) as day, sum(net) as revenue
from line where customer_id is not null group by all;

create view value as
with bought as (
  select customer_id, max(ordered_at) filter (status = 'placed') as last_order_at,
         count(distinct order_id) filter (status = 'placed') as orders, sum(net) as revenue, sum(net - cost) as ltv
  from priced where customer_id is not null and cast(ordered_at as date) <= date '2011-12-09' group by customer_id)
select *, ntile(5) over (order by last_order_at, customer_id) as r, ntile(5) over (order by orders, customer_id) as f,
       ntile(5) over (order by revenue, customer_id) as m
from bought where orders > 0;
""")

QUESTIONS = {
    "01_month_revenue": """
        with months as (select order_month, sum(net) as net from line where status <> 'cancelled' group by all)
        select order_month, net, net - lag(net) over (order by order_month) from months order by 1""",
    "02_tier_revenue": """
        select loyalty_tier, count(distinct customer_id), sum(net), sum(net) from tiered group by 1 order by 1""",
    "03_moved_city": """
        with towns as (select customer_id, changed_at, city, lag(city) over (partition by customer_id order by changed_at) as old
                       from profile_changes),
        moved as (select customer_id, cast(changed_at as date) as day, old, city from towns
                  where old is not null and city <> old
                    and cast(changed_at as date) between date '2011-12-09' - 89 and date '2011-12-09')
        select m.customer_id, m.day, m.old, m.city,
               coalesce(sum(d.revenue) filter (d.day >= m.day - 90 and d.day < m.day), 0),
               coalesce(sum(d.revenue) filter (d.day >= m.day and d.day < m.day + 90), 0)
        from moved m join daily d using (customer_id) group by all order by 1, 2""",
    "04_funnel_by_device": """
        select device, count(*), count(*) filter (reached_1), count(*) filter (reached_2), count(*) filter (reached_3),
               count(*) filter (reached_4), count(*) filter (reached_5), count(*) filter (reached_6),
               count(*) filter (reached_7)
        from fact_session where not is_bot group by 1 order by 1""",
    "05_abandoned_carts": """
        select c.cart_id, c.customer_id, c.abandoned_at, c.value
        from fact_cart c join profile_now p using (customer_id)
        where c.abandoned_at is not null and c.value > 5 and p.opt_in = 1 and p.status = 'active' order by 1""",
    "06_rfm": "select r, f, m, count(*), sum(revenue), coalesce(sum(ltv), 0) from value group by all order by 1, 2, 3",
    "07_first_touch": """
        with touch as (select customer_id, arg_min(utm_campaign, (event_ts_utc, event_id)) as campaign
                       from fact_event where customer_id is not null and not is_bot and utm_campaign is not null group by 1)
        select coalesce(t.campaign, 'none') as campaign, count(distinct l.customer_id), count(distinct l.order_id), sum(l.net)
        from line l left join touch t using (customer_id)
        where l.customer_id is not null and l.status = 'placed' group by 1 order by 1""",
    "08_price_history": """
        with changes as (
          select c.*, coalesce(lag((category, brand, list_price, cost)) over w = (category, brand, list_price, cost), false) as same
          from product_changes c join products p using (product_id) where p.stock_code = '22086'
          window w as (order by changed_at)),
        versions as (select changed_at, list_price, lead(changed_at) over (order by changed_at) as until
                     from changes where not same)
        select v.changed_at, v.list_price, coalesce(sum(l.quantity), 0), coalesce(sum(l.net), 0)
        from versions v left join (select l.* from line l join products p using (product_id) where p.stock_code = '22086') l
          on l.ordered_at >= v.changed_at and (v.until is null or l.ordered_at < v.until)
        group by 1, 2 order by 1""",
    "09_late_tickets": """
        select s.carrier, count(*), count(*) filter (cast(s.delivered_at as date) > s.promised_on),
               count(*) filter (cast(s.delivered_at as date) > s.promised_on and exists (
                 select 1 from tickets t where t.order_id = s.order_id and t.opened_at >= s.delivered_at
                   and t.opened_at <= s.delivered_at + interval 7 day))
        from shipments s where s.delivered_at is not null group by 1 order by 1""",
    "09_lost_customers": """
        with angry as (select customer_id, min(closed_at) as since from tickets where csat <= 2 group by 1)
        select count(*), count(*) filter (not again), round(count(*) filter (not again) / count(*), 4)
        from (select a.customer_id, exists (select 1 from orders o where o.customer_id = a.customer_id
                and o.status = 'placed' and o.ordered_at > a.since) as again from angry a)""",
    "10_sessions_orders": """
        with article as (select order_id, quantity from order_items join products using (product_id)
                         where regexp_matches(stock_code, '^[0-9]{5}')),
        sale as (
          select order_no, ordered_at from orders o
          where status = 'placed' and order_no not like 'A%' and (customer_id is not null
            or not exists (select 1 from article a where a.order_id = o.order_id)
            or exists (select 1 from article a where a.order_id = o.order_id and a.quantity > 0))),
        click as (select order_id, min(event_ts_utc) as clicked_at from fact_event
                  where event_name = 'Order Completed' and order_id is not null group by 1)
        select strftime(coalesce(ordered_at, clicked_at), '%Y-%m-%d %H'), count(*) filter (order_id is null), count(*) filter (order_no is null)
        from sale full join click on order_id = order_no where order_no is null or order_id is null group by 1 order by 1""",
    "11_top_spenders": """
        select customer_id, sum(net) as net from line where customer_id is not null group by 1
        order by net desc, customer_id limit 10""",
    "11_products_per_category": """
        with now as (select product_id, arg_max(category, changed_at) as category from product_changes group by 1),
        sold as (select product_id, sum(quantity) as units from line where status = 'placed' group by 1)
        select category, count(*), coalesce(sum(units), 0) from now left join sold using (product_id) group by 1 order by 1""",
    "11_top_brand": """
        select order_month, brand, sum(net) as net from priced where status = 'placed' and brand is not null group by 1, 2
        qualify row_number() over (partition by order_month order by sum(net) desc, brand) = 1 order by 1""",
}


def cell(value):
    """Numbers without zeros that say nothing, times without a fraction of nothing, NULL as None."""
    if value is None or value == "NULL":
        return None
    text = str(value)
    try:
        return format(decimal.Decimal(text).normalize(), "f")
    except decimal.InvalidOperation:
        return text.removesuffix(".0")


for question, sql in QUESTIONS.items():
    answer = folder / f"{question}.csv"
    if not answer.exists():
        continue
    with open(answer, newline="", encoding="utf-8") as file:
        hive = [tuple(map(cell, row)) for row in list(csv.reader(file))[1:]]
    ours = [tuple(map(cell, row)) for row in db.execute(sql).fetchall()]
    differing = [pair for pair in zip(hive, ours) if pair[0] != pair[1]]
    count = len(differing) + abs(len(hive) - len(ours))
    print(question, len(ours), len(hive), count, differing[:2] if count else "")
