"""What keeps an installation whole: backup, rebuild, retention, erasure."""
