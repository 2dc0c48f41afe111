"""What Airflow runs for all business areas: clean, conformed tables."""

from headline.dag import pipeline_dag

core_shop = pipeline_dag("core/core_shop")
core_finance = pipeline_dag("core/core_finance")
core_app = pipeline_dag("core/core_app")
