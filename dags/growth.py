"""What Airflow runs for growth: by day and variant for experiments, by week and month for investors."""

from headline.dag import pipeline_dag

daily_growth = pipeline_dag("growth/daily_growth")
investor_growth = pipeline_dag("growth/investor_growth")
