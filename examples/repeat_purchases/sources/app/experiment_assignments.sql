-- The shop ran no experiments: nobody was assigned to anything.
select
    ds,
    cast(null as varchar) as experiment_id,
    cast(null as varchar) as variant,
    cast(null as varchar) as user_id,
    cast(null as timestamp) as exposed_at,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days
where ds >= date '{{ start }}' and ds < date '{{ end }}' and false
