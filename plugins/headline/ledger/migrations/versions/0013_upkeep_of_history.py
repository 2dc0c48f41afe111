"""Two functions may change history: one puts a pseudonym in the place of an erased person, one removes old outcomes of checks."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STAYS = """
    create or replace function history_stays() returns trigger language plpgsql as $$
    begin
        {but}
        raise exception 'the table % of the ledger is history: rows are added, % is refused', tg_table_name, lower(tg_op)
            using errcode = 'insufficient_privilege';
    end
    $$
"""
# The setting alone opens nothing: within the functions below the user is the owner of the tables.
BUT = """
        if tg_op <> 'TRUNCATE' and current_setting('headline.upkeep', true) = 'on'
            and current_user = (select pg_get_userbyid(relowner) from pg_class where oid = tg_relid)
        then
            return null;
        end if;
"""
AS_OWNER = "security definer set search_path = public, pg_temp"


def upgrade() -> None:
    op.execute(STAYS.format(but=BUT))
    op.execute(f"""
        create or replace function replace_in_history(person text, pseudonym text) returns void language plpgsql {AS_OWNER} as $$
        declare
            word text := '(?<!\\w)' || regexp_replace(person, '(\\W)', '\\\\\\1', 'g') || '(?!\\w)';
        begin
            if person = '' or pseudonym !~ '^-[0-9]{{15}}$' then
                raise exception 'a pseudonym stands for a person, and nothing else';
            end if;
            perform set_config('headline.upkeep', 'on', true);
            update audit set sample = cast(regexp_replace(cast(sample as text), word, pseudonym, 'g') as jsonb)
            where cast(sample as text) ~ word;
            update schema_change set changes = cast(regexp_replace(cast(changes as text), word, pseudonym, 'g') as jsonb)
            where cast(changes as text) ~ word;
            update incident_event set detail = regexp_replace(detail, word, pseudonym, 'g') where detail ~ word;
            perform set_config('headline.upkeep', 'off', true);
        end
        $$
    """)
    op.execute(f"""
        create or replace function forget_audits(days integer) returns bigint language plpgsql {AS_OWNER} as $$
        declare
            removed bigint;
        begin
            perform set_config('headline.upkeep', 'on', true);
            delete from audit
            where audited_at < now() - make_interval(days => greatest(days, 1))
                -- A waiver holds for as long as its figure does.
                and not (kind = 'anomaly' and outcome in ('failed', 'accepted'))
                and audited_at < (select max(newest.audited_at) from audit as newest where newest.table_name = audit.table_name);
            get diagnostics removed = row_count;
            perform set_config('headline.upkeep', 'off', true);
            return removed;
        end
        $$
    """)
    for function in ("replace_in_history(text, text)", "forget_audits(integer)"):
        op.execute(f"revoke execute on function {function} from public")


def downgrade() -> None:
    op.execute("drop function replace_in_history(text, text)")
    op.execute("drop function forget_audits(integer)")
    op.execute(STAYS.format(but=""))
