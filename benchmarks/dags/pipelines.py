"""The six pipelines, as dags/ has them."""

from headline.dag import pipeline_dag

shop = pipeline_dag("sources/shop")
finance = pipeline_dag("sources/finance")
core_shop = pipeline_dag("core/core_shop")
core_finance = pipeline_dag("core/core_finance")
unit_profit = pipeline_dag("profit/unit_profit")
investor_profit = pipeline_dag("profit/investor_profit")
