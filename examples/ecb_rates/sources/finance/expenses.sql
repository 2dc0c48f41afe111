-- The data hold no expenses: every day has none.
select
    ds,
    cast(null as varchar) as expense_id,
    cast(null as date) as incurred_on,
    cast(null as varchar) as expense_type,
    cast(null as varchar) as sales_channel,
    cast(null as decimal(18, 4)) as amount,
    cast(null as varchar) as currency_code,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days
where ds >= date '{{ start }}' and ds < date '{{ end }}' and false
