# A bucket and a key for each line of access.yml: encrypted, versioned, closed to the public, over TLS only.
resource "aws_kms_key" "bucket" {
  for_each                = local.buckets
  description             = "${local.name}: ${each.value.is}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "bucket" {
  for_each      = local.buckets
  name          = "alias/${local.name}-${each.key}"
  target_key_id = aws_kms_key.bucket[each.key].key_id
}

# IAM decides who uses a key: this leaves it to the account's policies, which iam.tf writes.
data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:the policy of a key, which speaks of that key alone; without the account's root nobody could mend it
  # checkov:skip=CKV_AWS_111:the same
  # checkov:skip=CKV_AWS_356:the same; in the policy of a key * is the key
  statement {
    sid       = "IamDecides"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["${local.aws}:iam::${local.account}:root"]
    }
  }
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:who reads what is told by CloudTrail's data events, which are an account's to set up, not an application's
  # checkov:skip=CKV_AWS_144:everything but arrivals and landing can be computed again, and these are backed up (docs/recovery.md)
  # checkov:skip=CKV2_AWS_62:only arrivals announce themselves; nobody waits for an object of the other buckets
  for_each      = local.buckets
  bucket        = "${local.name}-${each.key}-${local.account}"
  force_destroy = var.may_be_destroyed
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    bucket_key_enabled = true # a key of the bucket's own for a while, instead of a call to KMS for each object
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.bucket[each.key].arn
    }
  }
}

locals {
  # What is deleted of landing and warehouse, the DAG `retention` and VACUUM decide, never an age alone.
  expires = {
    arrivals = var.keep_arrivals_days
    results  = var.keep_results_days
    exports  = var.keep_exports_days
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each   = local.buckets
  bucket     = aws_s3_bucket.this[each.key].id
  depends_on = [aws_s3_bucket_versioning.this]
  rule {
    id     = "leftovers"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
    noncurrent_version_expiration {
      noncurrent_days = var.keep_old_versions_days
    }
  }
  dynamic "rule" {
    for_each = contains(keys(local.expires), each.key) ? [local.expires[each.key]] : []
    content {
      id     = "age"
      status = "Enabled"
      filter {}
      expiration {
        days = rule.value
      }
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  for_each = local.buckets
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
  statement {
    sid       = "OnlyWithItsKey"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.this[each.key].arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    # Who names no key gets the bucket's; who names another is refused. Without the first condition a name that is missing would be another.
    condition {
      test     = "Null"
      variable = "s3:x-amz-server-side-encryption-aws-kms-key-id"
      values   = ["false"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "s3:x-amz-server-side-encryption-aws-kms-key-id"
      values   = [aws_kms_key.bucket[each.key].arn]
    }
  }
  dynamic "statement" {
    for_each = each.key == "arrivals" ? var.senders : {}
    content {
      sid       = "Sender${replace(title(replace(statement.key, "/[^a-z0-9]/", " ")), " ", "")}"
      actions   = ["s3:PutObject"]
      resources = ["${aws_s3_bucket.this[each.key].arn}/${statement.key}/*"]
      principals {
        type        = "AWS"
        identifiers = statement.value
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each   = local.buckets
  bucket     = aws_s3_bucket.this[each.key].id
  policy     = data.aws_iam_policy_document.bucket[each.key].json
  depends_on = [aws_s3_bucket_public_access_block.this]
}
