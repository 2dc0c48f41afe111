with orders as (
    select
        label_experiment_id,
        label_user_id,
        count(distinct order_id) as order_count,
        max(ordered_at) as last_ordered_at
    from known.orders
    where ordered_at < label_exposed_at
    group by label_experiment_id, label_user_id
),

-- The newest snapshot that was known then.
snapshots as (
    select
        label_experiment_id,
        label_user_id,
        country_code,
        signed_up_at,
        row_number() over (partition by label_experiment_id, label_user_id order by ds desc, updated_at desc) as place
    from known.customers
)

select
    labels.experiment_id,
    labels.user_id,
    labels.exposed_at,
    snapshots.country_code,
    snapshots.signed_up_at,
    coalesce(orders.order_count, 0) as order_count,
    orders.last_ordered_at
from known.labels as labels
left join orders on labels.experiment_id = orders.label_experiment_id and labels.user_id = orders.label_user_id
left join snapshots
    on
        labels.experiment_id = snapshots.label_experiment_id
        and labels.user_id = snapshots.label_user_id
        and snapshots.place = 1
