-- What is measured. @DATABASE@, @ROWS@, @SMALL@ and @FEW@ are filled in. Values follow from the row's number alone.
set sql_log_bin = 0;
create or replace database @DATABASE@ character set utf8mb4;
create or replace database @DATABASE@_small character set utf8mb4;
create or replace database @DATABASE@_few character set utf8mb4;
use @DATABASE@;

-- 12 columns of the usual types, about 140 bytes a row on the wire.
create table orders (
  id bigint unsigned not null primary key,
  customer_id int not null,
  sku char(10) not null,
  qty smallint not null,
  price decimal(12,2) not null,
  discount double null,
  status enum('new','paid','shipped','returned') not null,
  created_at datetime(6) not null,
  updated_at timestamp not null,
  ship_date date null,
  email varchar(80) not null,
  note varchar(255) null
) engine=innodb;
insert into orders
select seq, 1 + floor(rand(seq) * 500000), concat('SKU', lpad(seq * 7919 % 1000000, 7, '0')), 1 + seq % 9,
  round(rand(seq + 1) * 10000, 2), if(seq % 5 = 0, null, rand(seq + 2)), elt(1 + seq % 4, 'new', 'paid', 'shipped', 'returned'),
  timestamp('2024-01-01') + interval (seq * 11 % 63072000) second + interval seq % 1000000 microsecond,
  from_unixtime(1704067200 + (seq * 13 % 63072000)),
  if(seq % 10 = 0, null, date('2024-01-01') + interval (seq % 700) day),
  concat('user', 1 + floor(rand(seq) * 500000), '@example', seq % 20, '.com'),
  if(seq % 3 = 0, null, concat('leave at the door ', md5(seq), if(seq % 2, ' – café ☕', '')))
from seq_1_to_@ROWS@;

-- 10 narrow columns: the cost of a value, not of its bytes.
create table narrow (
  id int unsigned not null primary key,
  a tinyint not null, b smallint not null, c int not null, d bigint not null,
  e float not null, f double not null, g date not null, h char(2) not null, i int null
) engine=innodb;
insert into narrow
select seq, seq % 100, seq % 30000, seq * 7919 % 1000000, seq * 104729, seq % 1000 / 8, seq / 7,
  date('2024-01-01') + interval (seq % 700) day, elt(1 + seq % 3, 'de', 'fr', 'it'), if(seq % 4 = 0, null, seq % 50)
from seq_1_to_@ROWS@;

delimiter //
create procedure fill(in target varchar(64), in tables int)
begin
  declare n int default 0;
  while n < tables do
    set n = n + 1;
    execute immediate concat('create table ', target, '.small_', lpad(n, 3, '0'), ' (
      id int not null primary key, name varchar(40) not null, amount decimal(10,2) not null, at datetime not null) engine=innodb');
    execute immediate concat('insert into ', target, '.small_', lpad(n, 3, '0'), '
      select seq, concat(''name '', seq), seq / 4, timestamp(''2024-01-01'') + interval seq minute from seq_1_to_1000');
  end while;
end //
delimiter ;
call fill('@DATABASE@_small', @SMALL@);
call fill('@DATABASE@_few', @FEW@);
drop procedure fill;
analyze table orders, narrow;
