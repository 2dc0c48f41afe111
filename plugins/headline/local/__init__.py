"""One installation on one machine: its home, its PostgreSQL, Airflow's processes, and the main job that `make run` does.

`lifecycle` starts and stops all of it, `run` computes and shows the figures, `commands` are both for the shell.
"""
