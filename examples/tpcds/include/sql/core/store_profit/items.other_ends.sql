{#- Versions that are not among those that arrived, or end on another day; one whose successor has not arrived yet is current. -#}
select
    coalesce(versions.product_id, arrived.product_id) as product_id,
    coalesce(versions.item_number, arrived.item_number) as item_number,
    versions.valid_to,
    arrived.last_date
from {{ table }} as versions
full outer join (
    select
        product_id,
        item_number,
        last_date
    from raw.items
    where ds < date '{{ end }}' and refusal is null
) as arrived on versions.product_id = arrived.product_id and versions.item_number = arrived.item_number
where
    versions.item_number is null
    or arrived.item_number is null
    or (
        not versions.is_current
        and (
            arrived.last_date is null
            or cast(versions.valid_to as date) <> cast(arrived.last_date + interval '1' day as date)
        )
    )
    or (versions.is_current and arrived.last_date < cast(date '{{ end }}' - interval '1' day as date))
