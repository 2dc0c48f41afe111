-- An account is a customer from the day of its file on. One that is sent again signed up when it was first told; one without a
-- number goes on as often as it came, for core to refuse.
with accounts as (
    select
        ds,
        cast(user_number as varchar) as customer_id,
        cast(opened_at as timestamp) as signed_up_at,
        cast(country as varchar) as country_code,
        cast(email as varchar) as email,
        row_number() over (
            partition by user_number
            order by ds, cast(opened_at as timestamp) nulls last, country nulls last, email nulls last
        ) as mention
    from landing.accounts
    where ds < date '{{ end }}' and headline_refusal is null
)

select
    days.ds,
    accounts.customer_id,
    accounts.signed_up_at,
    accounts.country_code,
    accounts.email,
    accounts.signed_up_at as updated_at,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days as days
inner join accounts on days.ds >= accounts.ds
where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}' and (accounts.mention = 1 or accounts.customer_id is null)
union all
select
    ds,
    cast(null as varchar) as customer_id,
    cast(null as timestamp) as signed_up_at,
    cast(null as varchar) as country_code,
    cast(null as varchar) as email,
    cast(null as timestamp) as updated_at,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.accounts
where ds >= date '{{ start }}' and ds < date '{{ end }}' and headline_refusal is not null
