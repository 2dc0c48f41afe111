"""What Airflow delivers to others: exports of include/sql/exports."""

from headline.export_dag import export_dag

customer_value = export_dag("customer_value")
experiment_units = export_dag("experiment_units")
partner_sales = export_dag("partner_sales")
