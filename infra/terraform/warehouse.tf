# A Glue database for each schema, and a workgroup of Athena for each role that queries.
resource "aws_glue_catalog_database" "this" {
  for_each     = local.schemas
  name         = local.databases[each.key]
  description  = each.value.is
  location_uri = "s3://${aws_s3_bucket.this["warehouse"].id}/${each.key}/"
}

# Nobody reads another's results: each role has its workgroup, and the workgroup says where results go.
resource "aws_athena_workgroup" "this" {
  for_each      = local.of_athena
  name          = "${local.name}-${each.key}"
  description   = local.roles[each.key].who
  force_destroy = var.may_be_destroyed
  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = floor(var.most_scanned_gb * 1000 * 1000 * 1000)
    engine_version {
      selected_engine_version = "Athena engine version 3"
    }
    result_configuration {
      output_location       = "s3://${aws_s3_bucket.this["results"].id}/${each.key}/"
      expected_bucket_owner = local.account
      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.bucket["results"].arn
      }
    }
  }
}
