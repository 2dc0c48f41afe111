{% from 'macros/coverage.jinja' import is_below, judged with context %}
{% from 'macros/ratio.jinja' import ratio %}
with judged as (
    {{ judged(['line_profit']) | indent }}
),

counts as (
    select
        ds,
        count(case when quarantine_reason is null then 1 end) as accepted_count,
        count(quarantine_reason) as refused_count
    from judged
    group by ds
)

select
    ds,
    cast(accepted_count as bigint) as accepted_count,
    cast(refused_count as bigint) as refused_count,
    {{ ratio('accepted_count', '(accepted_count + refused_count)') }} as coverage,
    {{ is_below(coverage.complete) }} as is_partial
from counts
