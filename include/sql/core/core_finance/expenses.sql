-- Of entries that repeat on a day the fullest is kept; of those that contradict each other on the money none counts.
{% from 'macros/identity.jinja' import join_superseded with context %}
with entries as (
    select
        ds,
        expense_id,
        expense_type,
        case when expense_type = 'marketing' then sales_channel end as sales_channel,
        currency_code,
        amount,
        refusal,
        row_number() over (
            partition by ds, expense_id
            order by
                refusal nulls first, amount desc nulls last, currency_code nulls last,
                expense_type nulls last, sales_channel nulls last
        ) as occurrence
    from raw.expenses
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
),

contradicting as (
    select
        ds,
        expense_id
    from entries
    where refusal is null
    group by ds, expense_id
    having count(*) > 1 and (min(amount) <> max(amount) or min(currency_code) <> max(currency_code))
),

converted as (
    select
        entries.ds,
        entries.expense_id,
        entries.expense_type,
        entries.sales_channel,
        entries.currency_code,
        rates.rate_to_reporting,
        entries.amount as amount_in_expense_currency,
        -- Whole cents, so that an allocation can give every cent to one order line.
        round(cast(entries.amount as decimal(19, 4)) * rates.rate_to_reporting, 2) as amount,
        entries.refusal,
        entries.occurrence
    from entries
    left join core.exchange_rates as rates
        on entries.ds = rates.ds and entries.currency_code = rates.currency_code
)

select
    converted.ds,
    converted.expense_id,
    converted.expense_type,
    converted.sales_channel,
    converted.currency_code,
    converted.rate_to_reporting,
    converted.amount_in_expense_currency,
    cast(converted.amount as decimal(18, 4)) as amount,
    case
        when converted.refusal is not null then converted.refusal
        when converted.expense_id is null then 'missing_expense_id'
        when superseded.record_id is null and contradicting.expense_id is not null then 'contradicting_expenses'
        when converted.occurrence > 1 or superseded.record_id is not null then 'duplicate_expense'
        when coalesce(converted.expense_type, '') not in ('operational', 'marketing', 'labor') then 'unknown_expense_type'
        when converted.amount_in_expense_currency is null then 'missing_amount'
        when converted.amount_in_expense_currency < 0 then 'negative_amount'
        when converted.rate_to_reporting is null then 'missing_exchange_rate'
        when converted.sales_channel not in ('web', 'app', 'marketplace') then 'unknown_sales_channel'
    end as quarantine_reason
from converted
left join contradicting on converted.ds = contradicting.ds and converted.expense_id = contradicting.expense_id
{{ join_superseded('core.finance_superseded', 'expense', 'converted', 'expense_id') }}
