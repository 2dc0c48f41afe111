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
            order by amount desc nulls last, currency_code nulls last, expense_type nulls last, sales_channel nulls last
        ) as occurrence
    from raw.expenses
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
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
    ds,
    expense_id,
    expense_type,
    sales_channel,
    currency_code,
    rate_to_reporting,
    amount_in_expense_currency,
    cast(amount as decimal(18, 4)) as amount,
    case
        when refusal is not null then refusal
        when expense_id is null then 'missing_expense_id'
        when occurrence > 1 then 'duplicate_expense'
        when coalesce(expense_type, '') not in ('operational', 'marketing', 'labor') then 'unknown_expense_type'
        when amount_in_expense_currency is null then 'missing_amount'
        when amount_in_expense_currency < 0 then 'negative_amount'
        when rate_to_reporting is null then 'missing_exchange_rate'
        when sales_channel not in ('web', 'app', 'marketplace') then 'unknown_sales_channel'
    end as quarantine_reason
from converted
