-- sqlfluff:dialect:postgres
-- The database of the demo shop. All moments are UTC. Orders, order lines and refunds have no primary key, since some come twice.
create table if not exists filled_days (filled_day date primary key);

create table if not exists orders (
    order_id text,
    customer_id text,
    ordered_at timestamp,
    order_status text,
    sales_channel text,
    country_code text,
    currency_code text
);
create index if not exists orders_by_time on orders (ordered_at);

create table if not exists order_items (
    order_id text,
    line_number integer,
    product_id text,
    quantity integer,
    unit_price numeric(18, 4),
    discount_amount numeric(18, 4)
);
create index if not exists order_items_by_order on order_items (order_id);

create table if not exists refunds (
    refund_id text,
    order_id text,
    line_number integer,
    refunded_at timestamp,
    quantity integer,
    amount numeric(18, 4)
);
create index if not exists refunds_by_time on refunds (refunded_at);

-- Products and customers are only ever appended to. A change holds from updated_at on and was entered at recorded_at.
create table if not exists product_versions (
    product_id text,
    product_name text,
    category text,
    unit_cost numeric(18, 4),
    updated_at timestamp,
    recorded_at timestamp,
    is_deleted boolean,
    primary key (product_id, updated_at)
);

create table if not exists customer_versions (
    customer_id text,
    signed_up_at timestamp,
    country_code text,
    email text,
    updated_at timestamp,
    recorded_at timestamp,
    is_deleted boolean,
    primary key (customer_id, updated_at)
);

create or replace function products_as_of(moment timestamp)
returns table (product_id text, product_name text, category text, unit_cost numeric, updated_at timestamp)
language sql stable
as $$
    select latest.product_id, latest.product_name, latest.category, latest.unit_cost, latest.updated_at
    from (
        select distinct on (versions.product_id) versions.*
        from product_versions as versions
        where versions.recorded_at < moment
        order by versions.product_id, versions.updated_at desc
    ) as latest
    where not latest.is_deleted
$$;

create or replace function customers_as_of(moment timestamp)
returns table (customer_id text, signed_up_at timestamp, country_code text, email text, updated_at timestamp)
language sql stable
as $$
    select latest.customer_id, latest.signed_up_at, latest.country_code, latest.email, latest.updated_at
    from (
        select distinct on (versions.customer_id) versions.*
        from customer_versions as versions
        where versions.recorded_at < moment
        order by versions.customer_id, versions.updated_at desc
    ) as latest
    where not latest.is_deleted
$$;
