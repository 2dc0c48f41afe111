"""Amazon Athena on Iceberg, S3 and Glue."""
