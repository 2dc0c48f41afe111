environment            = "prod"
region                 = "eu-central-1"
airflow_principals     = ["arn:aws:iam::000000000000:role/airflow-prod"]
most_scanned_gb        = 5000
keep_arrivals_days     = 90
keep_old_versions_days = 30
keep_results_days      = 30
keep_exports_days      = 400
may_be_destroyed       = false
readers = {
  profit     = ["arn:aws:iam::000000000000:role/readers-profit"]
  growth     = ["arn:aws:iam::000000000000:role/readers-growth"]
  engagement = ["arn:aws:iam::000000000000:role/readers-engagement"]
}
