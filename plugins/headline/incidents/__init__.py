"""Incidents: what is late or has failed, found, judged, linked to its cause and resolved."""
