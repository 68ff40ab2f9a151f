# The shop's generator: a function fired at a fixed rate, a queue for the ticks it could not write, and alarms for both.

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts logs by itself; a key of one's own costs a dollar a month and outlives the stack by a week.
  #checkov:skip=CKV_AWS_338:A stack lives for hours or weeks; its logs need not be kept for a year.
  name              = "/aws/lambda/${var.stack_id}-generator"
  retention_in_days = var.log_retention_days
}

resource "aws_sqs_queue" "missed" {
  name                      = "${var.stack_id}-missed-ticks"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:One function and one database: there is nothing to trace between.
  #checkov:skip=CKV_AWS_173:The environment holds no secret, only the ARN of one.
  #checkov:skip=CKV_AWS_272:The package is built and uploaded by the user's own app; there is no publisher to check.
  function_name    = "${var.stack_id}-generator"
  description      = "Writes the orders of the shop ${var.stack_id}"
  role             = aws_iam_role.this.arn
  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  package_type     = "Zip"
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = ["x86_64"]
  memory_size      = 256
  timeout          = 120
  # Ticks follow each other; two at once would only wait for each other.
  reserved_concurrent_executions = 1
  # Otherwise its network interfaces hold the security group for up to twenty minutes after it is gone.
  replace_security_groups_on_destroy = true

  environment {
    variables = {
      RETAILFLOW_BACKFILL_DAYS     = tostring(var.backfill_days)
      RETAILFLOW_DATABASE_HOST     = var.database.host
      RETAILFLOW_DATABASE_SECRET   = var.database.secret_arn
      RETAILFLOW_ORDERS_PER_MINUTE = tostring(var.orders_per_minute)
      RETAILFLOW_SEED              = tostring(var.seed)
      RETAILFLOW_STACK             = var.stack_id
      RETAILFLOW_TICK_MINUTES      = tostring(var.tick_minutes)
    }
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.missed.arn
  }

  # The log group first, so that Lambda does not make one of its own that outlives the stack.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

# EventBridge calls asynchronously: Lambda queues the ticks and tries again. A tick is idempotent, so trying again is safe.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name          = aws_lambda_function.this.function_name
  maximum_retry_attempts = 2
  # Beyond a quarter of an hour an alarm serves better than a queue that grows behind a database which is not there.
  maximum_event_age_in_seconds = 900
}

resource "aws_cloudwatch_event_rule" "tick" {
  name                = "${var.stack_id}-tick"
  description         = "Fires the generator of the RetailFlow stack ${var.stack_id}"
  schedule_expression = var.tick_minutes == 1 ? "rate(1 minute)" : "rate(${var.tick_minutes} minutes)"
}

resource "aws_cloudwatch_event_target" "tick" {
  rule      = aws_cloudwatch_event_rule.tick.name
  target_id = "generator"
  arn       = aws_lambda_function.this.arn
}

resource "aws_lambda_permission" "tick" {
  statement_id  = "tick"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.tick.arn
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.stack_id}-generator-errors"
  alarm_description   = "The generator failed twice within a quarter of an hour"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 1
  threshold           = 2
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "missed" {
  alarm_name          = "${var.stack_id}-missed-ticks"
  alarm_description   = "A tick was given up after its retries; it lies in the queue"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.missed.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
}
