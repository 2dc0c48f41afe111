"""What Airflow fetches from other teams: the shop's database and finance's services."""

from headline.dag import pipeline_dag

shop = pipeline_dag("sources/shop")
finance = pipeline_dag("sources/finance")
