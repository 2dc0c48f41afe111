"""What Airflow runs to look after the other DAGs."""

from headline import settings
from headline.approvals import approve_figures_dag
from headline.backfill_dag import backfill_dag
from headline.operations import (
    alert_drill_dag,
    backup_dag,
    freshness_watch_dag,
    reconciliation_dag,
    repair_dag,
    retention_dag,
    table_upkeep_dag,
)

repair = repair_dag()
freshness_watch = freshness_watch_dag()
alert_drill = alert_drill_dag()
reconciliation = reconciliation_dag(sorted(folder.name for folder in (settings.load().sql / "sources").iterdir()))
retention = retention_dag()
table_upkeep = table_upkeep_dag()
backfill = backfill_dag()
backup = backup_dag(settings.load().backup_to)
approve_figures = approve_figures_dag(sorted(file.parent.name for file in settings.load().sql.glob("*/*/metrics.yml")))
