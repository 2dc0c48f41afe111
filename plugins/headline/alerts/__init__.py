"""Alerts: what is wrong becomes an incident, and whoever must know is told; import what is needed from its modules."""
