"""The data API, /headline/api/v1: what pages show of figures, for programs, with Airflow's rights."""
