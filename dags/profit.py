"""What Airflow runs for profit: by unit for experiments, in aggregate for investors."""

from headline.dag import pipeline_dag

unit_profit = pipeline_dag("profit/unit_profit")
investor_profit = pipeline_dag("profit/investor_profit")
