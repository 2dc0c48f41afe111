"""Pages that a task's buttons lead to; headline.pages.app serves them, what they show of runs is for the command line too."""
