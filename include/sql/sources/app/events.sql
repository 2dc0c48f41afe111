-- Everything arrives as text, moments as ISO 8601 in UTC. An empty text means: not given.
select
    ds,
    nullif(trim(event_id), '') as event_id,
    nullif(trim(user_id), '') as user_id,
    nullif(trim(session_id), '') as session_id,
    nullif(trim(event_type), '') as event_type,
    cast(nullif(trim(occurred_at), '') as timestamp) as occurred_at,
    nullif(trim(platform), '') as platform,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.events
where ds >= date '{{ start }}' and ds < date '{{ end }}'
