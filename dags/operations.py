"""What Airflow runs to look after the other DAGs."""

from headline.operations import repair_dag

repair = repair_dag()
