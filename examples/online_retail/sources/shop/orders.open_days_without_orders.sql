{#- Saturdays, counted from 2010-12-04, and the holidays of the year that the file covers. -#}
{% from 'checks/completeness.jinja' import missing_periods with context %}
{% set open_days %}
(
    select ds
    from calendar.days
    where
        date_diff('day', date '2010-12-04', ds) % 7 <> 0
        and ds not in (
            date '2010-12-24', date '2010-12-26', date '2010-12-27', date '2010-12-28', date '2010-12-29',
            date '2010-12-30', date '2010-12-31', date '2011-01-02', date '2011-01-03', date '2011-04-22',
            date '2011-04-24', date '2011-04-25', date '2011-04-29', date '2011-05-02', date '2011-05-30',
            date '2011-08-29'
        )
) as open_days
{% endset %}
{{ missing_periods(expected=open_days) }}
