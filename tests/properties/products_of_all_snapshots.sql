-- What core.products must be, computed from all snapshots at once, however many there are.
with rows_in_order as (
    select
        ds,
        product_id,
        product_name,
        category,
        unit_cost,
        updated_at,
        row_number() over (
            partition by ds, product_id
            order by updated_at desc nulls last, unit_cost desc nulls last, category nulls last, product_name nulls last
        ) as occurrence
    from raw.products
),

snapshots as (
    select
        ds,
        product_id,
        product_name,
        category,
        unit_cost,
        updated_at,
        occurrence,
        case
            when product_id is null then 'missing_product_id'
            when occurrence > 1 then 'duplicate_product'
            when updated_at is null then 'missing_updated_at'
            when category is null then 'missing_category'
            when unit_cost is null then 'missing_unit_cost'
            when unit_cost < 0 then 'negative_unit_cost'
        end as quarantine_reason
    from rows_in_order
),

snapshot_days as (
    select
        ds,
        row_number() over (order by ds) as snapshot_number,
        lead(ds) over (order by ds) as next_ds
    from snapshots
    group by ds
),

-- A stay: snapshots without a break that hold the thing.
present as (
    select
        snapshots.ds,
        snapshots.product_id,
        snapshots.product_name,
        snapshots.category,
        snapshots.unit_cost,
        snapshots.updated_at,
        snapshots.quarantine_reason,
        snapshot_days.snapshot_number
        - row_number() over (partition by snapshots.product_id order by snapshots.ds) as stay
    from snapshots
    inner join snapshot_days on snapshots.ds = snapshot_days.ds
    where snapshots.occurrence = 1 and snapshots.product_id is not null
),

stays as (
    select
        product_id,
        stay,
        cast(min(ds) as timestamp) as opens_at,
        row_number() over (partition by product_id order by min(ds)) as stay_number
    from present
    where quarantine_reason is null
    group by product_id, stay
),

last_days as (
    select
        product_id,
        stay,
        max(ds) as last_ds
    from present
    group by product_id, stay
),

-- What was said of one instant; where two snapshots differ about it, the later one is right.
statements as (
    select
        product_id,
        product_name,
        category,
        unit_cost,
        stay,
        updated_at,
        row_number() over (partition by product_id, stay, updated_at order by max(ds) desc) as occurrence
    from present
    where quarantine_reason is null
    group by product_id, product_name, category, unit_cost, stay, updated_at
),

-- The first version of a stay holds since the stay began; only in the first stay can a version be older than that.
begun as (
    select
        statements.product_id,
        statements.product_name,
        statements.category,
        statements.unit_cost,
        statements.stay,
        statements.updated_at,
        case
            when row_number() over (partition by statements.product_id, statements.stay order by statements.updated_at) = 1
                then case when stays.stay_number = 1 then least(statements.updated_at, stays.opens_at) else stays.opens_at end
            when stays.stay_number = 1 then statements.updated_at
            else greatest(statements.updated_at, stays.opens_at)
        end as valid_from,
        case
            when snapshot_days.next_ds is null then timestamp '9999-12-31 00:00:00'
            else cast(snapshot_days.next_ds + interval '1' day as timestamp)
        end as closes_at
    from statements
    inner join stays on statements.product_id = stays.product_id and statements.stay = stays.stay
    inner join last_days on stays.product_id = last_days.product_id and stays.stay = last_days.stay
    inner join snapshot_days on last_days.last_ds = snapshot_days.ds
    where statements.occurrence = 1
),

ended as (
    select
        product_id,
        product_name,
        category,
        unit_cost,
        valid_from,
        least(
            coalesce(lead(valid_from) over (partition by product_id, stay order by updated_at), closes_at), closes_at
        ) as valid_to
    from begun
),

versions as (
    select
        product_id,
        product_name,
        category,
        unit_cost,
        valid_from,
        valid_to,
        valid_to = timestamp '9999-12-31 00:00:00' as is_current
    from ended
    where valid_from < valid_to
)

select
    product_id,
    product_name,
    category,
    unit_cost,
    valid_from,
    valid_to,
    is_current,
    cast(null as varchar) as quarantine_reason
from versions
union all
select distinct
    product_id,
    product_name,
    category,
    unit_cost,
    updated_at as valid_from,
    cast(null as timestamp) as valid_to,
    false as is_current,
    quarantine_reason
from snapshots
where quarantine_reason is not null
