"""The rules that every folder keeps, and what tells all their violations at once; needs neither a database nor Airflow."""

from headline.rules.report import Fault, check_folder, find_folders

__all__ = ["Fault", "check_folder", "find_folders"]
