"""The rules that every folder keeps, and what tells all their violations at once; needs neither a database nor Airflow."""
