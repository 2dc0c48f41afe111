"""Files on S3, through Airflow's paths and the connection of the amazon provider; local copies of those that have landed."""
