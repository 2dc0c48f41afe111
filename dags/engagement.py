"""What Airflow runs for engagement: in aggregate for investors."""

from headline.dag import pipeline_dag

investor_engagement = pipeline_dag("engagement/investor_engagement")
