"""Why a day of a table is as it is: its state, the root cause upstream and the next command; the ledger tells, never Airflow."""
