output "roles" {
  description = "The roles that connections name: extra `role_arn` of headline_landing, headline_datashare, headline_arrivals, headline_upkeep, headline_warehouse and headline_sns."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "buckets" {
  description = "HEADLINE_LANDING is s3://<landing>."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.id }
}

output "databases" {
  description = "The Glue database of each schema."
  value       = { for schema, database in aws_glue_catalog_database.this : schema => database.name }
}

output "workgroups" {
  description = "The workgroup of Athena of each role that queries."
  value       = { for name, workgroup in aws_athena_workgroup.this : name => workgroup.name }
}

output "alerts" {
  description = "The topic of alerts: subscribe each engineer, and name it in the connection headline_sns."
  value       = aws_sns_topic.alerts.arn
}

output "arrivals" {
  description = "The queue in which files that arrived announce themselves."
  value       = aws_sqs_queue.arrivals.url
}
