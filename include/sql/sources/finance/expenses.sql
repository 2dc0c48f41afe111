-- Everything arrives as text. An empty text means: not given.
select
    ds,
    nullif(trim(expense_id), '') as expense_id,
    cast(nullif(trim(incurred_on), '') as date) as incurred_on,
    nullif(trim(expense_type), '') as expense_type,
    nullif(trim(sales_channel), '') as sales_channel,
    cast(nullif(trim(amount), '') as decimal(18, 4)) as amount,
    nullif(trim(currency_code), '') as currency_code,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.expenses
where ds >= date '{{ start }}' and ds < date '{{ end }}'
