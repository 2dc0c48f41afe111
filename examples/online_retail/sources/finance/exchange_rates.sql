select
    ds,
    ds as rate_date,
    cast('GBP' as varchar) as currency_code,
    cast(1 as decimal(18, 8)) as rate_to_reporting,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days
where ds >= date '{{ start }}' and ds < date '{{ end }}'
