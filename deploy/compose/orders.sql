-- The database of the orders service: its own table, and the outbox that it writes in the same transaction.
create schema shop;

create table shop.orders (
  id      bigint generated always as identity primary key,
  article text not null,
  amount  integer not null check (amount > 0)
);

create table shop.outbox (
  seq           bigint generated always as identity primary key,
  id            uuid not null default gen_random_uuid(),
  aggregatetype text not null,
  aggregateid   text not null,
  type          text not null,
  payload       jsonb
);
