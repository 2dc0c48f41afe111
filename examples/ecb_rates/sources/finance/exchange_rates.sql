-- A column a currency becomes a row a currency. The bank tells what a euro is worth in each; what each is worth in euros is one
-- by it. A currency that was not quoted on a day, or is none any more, has no row.
{% set currencies = [
    'AUD', 'BGN', 'BRL', 'CAD', 'CHF', 'CNY', 'CZK', 'DKK', 'GBP', 'HKD', 'HUF', 'IDR', 'ILS', 'INR', 'ISK', 'JPY', 'KRW', 'MXN',
    'MYR', 'NOK', 'NZD', 'PHP', 'PLN', 'RON', 'SEK', 'SGD', 'THB', 'TRY', 'USD', 'ZAR',
] %}
with quoted as (
    {% for currency in currencies %}
    select
        ds,
        cast("Date" as date) as rate_date,
        '{{ currency }}' as currency_code,
        "{{ currency }}" as per_euro
    from landing.euro_rates
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
    {{- '\n    union all' if not loop.last }}
    {% endfor %}
)

select
    ds,
    rate_date,
    currency_code,
    cast(cast(1 as double) / nullif(cast(per_euro as double), 0) as decimal(18, 8)) as rate_to_reporting,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from quoted
where per_euro is not null
