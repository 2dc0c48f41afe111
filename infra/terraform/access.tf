# access.yml says who may do what; here it becomes names, ARNs and actions.
data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  access  = yamldecode(file("${path.module}/access.yml"))
  roles   = local.access.roles
  buckets = local.access.buckets
  schemas = local.access.schemas
  account = data.aws_caller_identity.current.account_id
  aws     = "arn:${data.aws_partition.current.partition}"
  name    = "headline-${var.environment}"

  areas     = toset([for name, role in local.roles : name if contains(keys(local.schemas), name)])
  of_tasks  = toset([for name, _ in local.roles : name if !contains(local.areas, name)])
  of_athena = toset([for name, role in local.roles : name if length(try(role.schemas, {})) > 0])

  # Glue's names take no hyphen.
  databases = { for schema, _ in local.schemas : schema => "headline_${var.environment}_${schema}" }

  object_actions = {
    read   = ["s3:GetObject"]
    add    = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    change = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:DeleteObject"]
  }
  key_actions = {
    read   = ["kms:Decrypt"]
    add    = ["kms:Decrypt", "kms:GenerateDataKey"]
    change = ["kms:Decrypt", "kms:GenerateDataKey"]
  }
  table_actions = {
    read = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition"]
    change = [
      "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition",
      "glue:CreateTable", "glue:UpdateTable", "glue:DeleteTable",
    ]
  }

  # Per role, the folders that it has rights to: whole buckets, schemas below the warehouse, and its results of queries.
  folders = {
    for name, role in local.roles : name => concat(
      [for bucket, right in try(role.buckets, {}) : { bucket = bucket, prefix = "", right = right }],
      [for schema, right in try(role.schemas, {}) : { bucket = "warehouse", prefix = "${schema}/", right = right }],
      contains(local.of_athena, name) ? [{ bucket = "results", prefix = "${name}/", right = "change" }] : [],
    )
  }
}
