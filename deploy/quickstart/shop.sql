-- A shop: four tables of real-looking, repeatable data (MariaDB's sequence engine and crc32 do the work), a writer that trades in
-- it, and views that print rows as the lake's canonical JSON does, for the comparison at the end.
create database shop character set utf8mb4;
create database control character set utf8mb4;
create user inlet@'%' identified by 'quick-secret';
grant select, replication slave, replication client, slave monitor, reload on *.* to inlet@'%';

use shop;
create table customers (
  id int unsigned not null primary key comment 'number on the customer card',
  name varchar(80) not null comment 'first and last name',
  email varchar(120) not null,
  city varchar(40),
  birthday date,
  newsletter boolean not null default false,
  balance decimal(12,2) not null default 0 comment 'what we owe them, in euro',
  joined datetime(3) not null
) comment 'who buys';
create table products (
  id int not null primary key,
  sku char(9) not null comment 'stock keeping unit',
  title varchar(100) not null,
  category enum('books','garden','kitchen','toys','music') not null,
  price decimal(10,2) not null,
  weight_kg double,
  tags set('new','sale','heavy','fragile') not null default '',
  changed timestamp(6) not null default current_timestamp(6) on update current_timestamp(6)
) comment 'what is sold';
create table orders (
  id bigint not null primary key auto_increment,
  customer_id int unsigned not null,
  status enum('placed','paid','shipped','returned') not null default 'placed',
  total decimal(12,2) not null default 0,
  note text comment 'what the customer wrote',
  placed timestamp(3) not null,
  key (customer_id)
) comment 'what was ordered';
create table order_items (
  order_id bigint not null,
  line smallint not null,
  product_id int not null,
  quantity int not null,
  price decimal(10,2) not null,
  primary key (order_id, line)
) comment 'the lines of an order';

insert into products select seq, concat('SKU-', lpad(seq, 5, '0')),
  concat(elt(1 + crc32(seq) % 8, 'Small', 'Large', 'Blue', 'Vintage', 'Electric', 'Wooden', 'Café', 'Père Noël''s'), ' ',
         elt(1 + crc32(seq * 3) % 8, 'teapot', 'spade', 'violin', 'puzzle', 'novel', 'kettle', 'chair', 'drum')),
  1 + crc32(seq * 5) % 5, 1 + crc32(seq * 7) % 20000 / 100, if(seq % 11, crc32(seq * 13) % 4000 / 128, null), crc32(seq * 17) % 16,
  '2024-01-01' + interval crc32(seq) % 30000000 second + interval crc32(seq * 19) % 1000000 microsecond
  from seq_1_to_2000;
insert into customers select seq,
  concat(elt(1 + crc32(seq) % 10, 'Ada', 'Björn', 'Chloé', 'Dmitri', 'Eun-ji', 'Farid', 'Grace', 'Hélène', 'Ivo', '美咲'), ' ',
         elt(1 + crc32(seq * 3) % 10, 'Lopez', 'Müller', 'O''Neill', 'Nakamura', 'Novák', 'Smith', 'Øst', 'Rossi', 'Sánchez', 'Kowalska')),
  concat('customer', seq, '@example.com'), if(seq % 7, elt(1 + crc32(seq * 5) % 6, 'Berlin', 'Lyon', 'Málaga', 'Oslo', 'Turin', 'Łódź'), null),
  if(seq % 5, '1940-01-01' + interval crc32(seq * 7) % 25000 day, null), crc32(seq * 11) % 3 = 0, (cast(crc32(seq * 13) % 100000 as signed) - 20000) / 100,
  '2015-01-01' + interval crc32(seq * 17) % 300000000 second + interval crc32(seq * 19) % 1000 * 1000 microsecond
  from seq_1_to_20000;
insert into orders select seq, 1 + crc32(seq) % 20000, 1 + crc32(seq * 3) % 4, 0,
  if(seq % 9, null, elt(1 + crc32(seq * 5) % 3, 'Please ring twice.', 'A gift: no invoice, "merci"!', 'Leave it\nwith the neighbour')),
  '2024-01-01' + interval seq * 400 second + interval crc32(seq * 7) % 1000 * 1000 microsecond
  from seq_1_to_60000;
insert into order_items select o.seq, l.seq, p.id, 1 + crc32(o.seq * 5 + l.seq) % 4, p.price
  from seq_1_to_60000 o join seq_1_to_4 l on l.seq <= 1 + crc32(o.seq) % 4
  join products p on p.id = 1 + crc32(o.seq * 7 + l.seq) % 2000;
update orders o join (select order_id, sum(quantity * price) total from order_items group by order_id) i on i.order_id = o.id
  set o.total = i.total;
analyze table customers, products, orders, order_items;

use control;
create table switch (on_air boolean not null, changes bigint not null);
insert into switch values (0, 0);
delimiter //
-- Trades until the switch is off: orders are placed, paid, shipped, corrected and cancelled, prices move, customers come.
create procedure trade()
begin
  declare n, id bigint default 0;
  while (select on_air from switch) do
    set n = n + 1;
    start transaction;
    insert into shop.orders (customer_id, placed) values (1 + floor(rand() * 20000), now(3));
    set id = last_insert_id();
    insert into shop.order_items select id, seq, p.id, 1 + floor(rand() * 4), p.price
      from seq_1_to_4 join shop.products p on p.id = 1 + (id * 7 + seq * 13) % 2000 where seq <= 1 + id % 4;
    update shop.orders o set total = (select sum(quantity * price) from shop.order_items i where i.order_id = id) where o.id = id;
    update shop.customers set balance = balance - 1.25, newsletter = not newsletter where customers.id = 1 + (id * 31) % 20000;
    commit;
    update shop.orders set status = 'paid' where orders.id = id - 3 and status = 'placed';
    update shop.orders set status = 'shipped', note = concat('parcel ', id) where orders.id = 1 + (id * 17) % 60000;
    if n % 5 = 0 then
      start transaction;
      delete from shop.order_items where order_id = id - 4;
      delete from shop.orders where orders.id = id - 4;
      commit;
    end if;
    if n % 20 = 0 then
      update shop.products set price = price + 0.01 where category = 1 + n % 5 and products.id % 40 = n % 40;
    end if;
    if n % 50 = 0 then
      start transaction;
      delete from shop.customers;
      rollback;
      insert into shop.customers values (100000 + id, 'New Customer', 'new@example.com', null, null, 0, 0, now(3));
    end if;
    if n % 10 = 0 then
      update switch set changes = changes + 10;
      do sleep(0.01);
    end if;
  end while;
end //
create function text_of(s text character set utf8mb4) returns text character set utf8mb4 deterministic
  return ifnull(concat('"', replace(replace(replace(s, '\\', '\\\\'), '"', '\\"'), '\n', '\\u000a'), '"'), 'null') //
delimiter ;

create view canonical_customers as select concat('{"id":', id, ',"name":', text_of(name), ',"email":', text_of(email),
  ',"city":', text_of(city), ',"birthday":', text_of(birthday), ',"newsletter":', if(newsletter, 'true', 'false'),
  ',"balance":"', balance, '","joined":"', date_format(joined, '%Y-%m-%dT%H:%i:%s.%f'), '000"}') as line from shop.customers;
create view canonical_products as select concat('{"id":', id, ',"sku":', text_of(sku), ',"title":', text_of(title),
  ',"category":', text_of(category), ',"price":"', price, '","weight_kg":', ifnull(weight_kg, 'null'),
  ',"tags":', if(tags = '', '[]', concat('["', replace(tags, ',', '","'), '"]')),
  ',"changed":"', date_format(changed, '%Y-%m-%dT%H:%i:%s.%f'), '000Z"}') as line from shop.products;
create view canonical_orders as select concat('{"id":', id, ',"customer_id":', customer_id, ',"status":', text_of(status),
  ',"total":"', total, '","note":', text_of(note), ',"placed":"', date_format(placed, '%Y-%m-%dT%H:%i:%s.%f'), '000Z"}') as line
  from shop.orders;
create view canonical_order_items as select concat('{"order_id":', order_id, ',"line":', line, ',"product_id":', product_id,
  ',"quantity":', quantity, ',"price":"', price, '"}') as line from shop.order_items;
