"""The monthly report to investors: what it says, as HTML and PDF, its editions, and how they are sent."""
