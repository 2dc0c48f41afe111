-- Everything arrives as text, moments as ISO 8601 in UTC. An empty text means: not given.
select
    ds,
    nullif(trim(experiment_id), '') as experiment_id,
    nullif(trim(variant), '') as variant,
    nullif(trim(user_id), '') as user_id,
    cast(nullif(trim(exposed_at), '') as timestamp) as exposed_at,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.experiment_assignments
where ds >= date '{{ start }}' and ds < date '{{ end }}'
