# Alerts go to a topic; what is dropped among the arrivals announces itself in a queue.
resource "aws_kms_key" "messages" {
  description             = "${local.name}: alerts, and the names of files that arrived"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key_of_messages.json
}

resource "aws_kms_alias" "messages" {
  name          = "alias/${local.name}-messages"
  target_key_id = aws_kms_key.messages.key_id
}

data "aws_iam_policy_document" "key_of_messages" {
  source_policy_documents = [data.aws_iam_policy_document.key.json]
  statement {
    sid       = "S3Announces"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["${local.aws}:s3:::${local.name}-arrivals-${local.account}"]
    }
  }
}

resource "aws_sns_topic" "alerts" {
  name              = "${local.name}-alerts"
  kms_master_key_id = aws_kms_key.messages.arn
}

resource "aws_sqs_queue" "arrivals" {
  name                       = "${local.name}-arrivals"
  kms_master_key_id          = aws_kms_key.messages.arn
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = 300
  receive_wait_time_seconds  = 20
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead" {
  name                      = "${local.name}-arrivals-dead"
  kms_master_key_id         = aws_kms_key.messages.arn
  message_retention_seconds = 14 * 24 * 3600
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "S3Announces"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.arrivals.arn]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_s3_bucket.this["arrivals"].arn]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.arrivals.arn]
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
}

resource "aws_sqs_queue_policy" "arrivals" {
  queue_url = aws_sqs_queue.arrivals.id
  policy    = data.aws_iam_policy_document.queue.json
}

resource "aws_s3_bucket_notification" "arrivals" {
  bucket     = aws_s3_bucket.this["arrivals"].id
  depends_on = [aws_sqs_queue_policy.arrivals]
  queue {
    id        = "files"
    queue_arn = aws_sqs_queue.arrivals.arn
    events    = ["s3:ObjectCreated:*"]
  }
}
