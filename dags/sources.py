"""What Airflow fetches from other teams: the shop's database, finance's services and the app's events."""

from headline.dag import pipeline_dag

shop = pipeline_dag("sources/shop")
finance = pipeline_dag("sources/finance")
app = pipeline_dag("sources/app")
