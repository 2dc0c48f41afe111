"""Spark through Spark Connect, on Iceberg: any endpoint that speaks it, a session of EMR Serverless too."""
