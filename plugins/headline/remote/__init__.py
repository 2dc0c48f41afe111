"""Commands that ask an Airflow over its API, wherever it runs, as the person who has logged in."""
