# A role for each line of access.yml, with the rights that it says there.
data "aws_iam_policy_document" "trust" {
  for_each = local.roles
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = contains(local.areas, each.key) ? lookup(var.readers, each.key, []) : var.airflow_principals
    }
  }
}

# An area that nobody is named for has no role: a role without a principal cannot be made.
locals {
  made = { for name, role in local.roles : name => role if !contains(local.areas, name) || length(lookup(var.readers, name, [])) > 0 }
}

resource "aws_iam_role" "this" {
  for_each             = local.made
  name                 = "${local.name}-${each.key}"
  description          = replace(each.value.who, "`", "")
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 12 * 3600 # a backfill's statements may take hours
}

resource "aws_iam_role_policy" "this" {
  for_each = local.made
  name     = "access"
  role     = aws_iam_role.this[each.key].id
  policy   = data.aws_iam_policy_document.role[each.key].json
}

data "aws_iam_policy_document" "role" {
  for_each = local.roles

  dynamic "statement" {
    for_each = local.folders[each.key]
    content {
      sid       = "Objects${statement.key}"
      actions   = local.object_actions[statement.value.right]
      resources = ["${aws_s3_bucket.this[statement.value.bucket].arn}/${statement.value.prefix}*"]
    }
  }
  dynamic "statement" {
    for_each = local.folders[each.key]
    content {
      sid       = "List${statement.key}"
      actions   = ["s3:ListBucket"]
      resources = [aws_s3_bucket.this[statement.value.bucket].arn]
      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = ["${statement.value.prefix}*"]
      }
    }
  }
  dynamic "statement" {
    for_each = length(local.folders[each.key]) > 0 ? [1] : []
    content {
      sid       = "Places"
      actions   = ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
      resources = distinct([for folder in local.folders[each.key] : aws_s3_bucket.this[folder.bucket].arn])
    }
  }
  dynamic "statement" {
    for_each = { for folder in local.folders[each.key] : folder.bucket => folder.right... }
    content {
      sid       = "Key${title(statement.key)}"
      actions   = distinct(flatten([for right in statement.value : local.key_actions[right]]))
      resources = [aws_kms_key.bucket[statement.key].arn]
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.region}.amazonaws.com"]
      }
    }
  }
  dynamic "statement" {
    for_each = try(each.value.schemas, {})
    content {
      sid     = "Tables${title(statement.key)}"
      actions = local.table_actions[statement.value]
      resources = [
        "${local.aws}:glue:${var.region}:${local.account}:catalog",
        "${local.aws}:glue:${var.region}:${local.account}:database/${local.databases[statement.key]}",
        "${local.aws}:glue:${var.region}:${local.account}:table/${local.databases[statement.key]}/*",
      ]
    }
  }
  # Athena asks for the database `default` whatever a query reads; there is nothing in it.
  dynamic "statement" {
    for_each = contains(local.of_athena, each.key) ? [1] : []
    content {
      sid     = "Default"
      actions = ["glue:GetDatabase"]
      resources = [
        "${local.aws}:glue:${var.region}:${local.account}:catalog",
        "${local.aws}:glue:${var.region}:${local.account}:database/default",
      ]
    }
  }
  dynamic "statement" {
    for_each = contains(local.of_athena, each.key) ? [1] : []
    content {
      sid = "Queries"
      actions = [
        "athena:StartQueryExecution", "athena:GetQueryExecution", "athena:BatchGetQueryExecution", "athena:GetQueryResults",
        "athena:GetQueryRuntimeStatistics", "athena:StopQueryExecution", "athena:GetWorkGroup",
      ]
      resources = [aws_athena_workgroup.this[each.key].arn]
    }
  }
  dynamic "statement" {
    for_each = try(each.value.arrivals, "") == "receive" ? [1] : []
    content {
      sid       = "Arrivals"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
      resources = [aws_sqs_queue.arrivals.arn]
    }
  }
  dynamic "statement" {
    for_each = try(each.value.alerts, "") == "publish" ? [1] : []
    content {
      sid       = "Alerts"
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.alerts.arn]
    }
  }
  dynamic "statement" {
    for_each = { for key, service in { arrivals = "sqs", alerts = "sns" } : key => service if can(each.value[key]) }
    content {
      sid       = "KeyOf${title(statement.key)}"
      actions   = statement.key == "alerts" ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
      resources = [aws_kms_key.messages.arn]
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["${statement.value}.${var.region}.amazonaws.com"]
      }
    }
  }
}
