# Stops what costs by the hour when the stack's time is over, even if the user's computer is off. Data stay until the stack is destroyed.

locals {
  # EventBridge Scheduler calls these API actions itself; no code of ours has to run.
  stops = {
    instances = {
      target = "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"
      input  = { InstanceIds = var.instance_ids }
    }
    rule = {
      target = "arn:aws:scheduler:::aws-sdk:eventbridge:disableRule"
      input  = { Name = var.rule.name }
    }
  }
}

# A group, because schedules cannot be tagged and groups can.
resource "aws_scheduler_schedule_group" "this" {
  name = var.stack_id
}

resource "aws_scheduler_schedule" "stop" {
  #checkov:skip=CKV_AWS_297:The input holds names, no secrets; a key of one's own costs a dollar a month and outlives the stack by a week.
  for_each = local.stops

  name                         = "${var.stack_id}-stop-${each.key}"
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = "Ends the lifetime of the RetailFlow stack ${var.stack_id}"
  schedule_expression          = "at(${var.stop_at})"
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = each.value.target
    role_arn = aws_iam_role.this.arn
    input    = jsonencode(each.value.input)
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_iam_role" "this" {
  name        = "${var.stack_id}-lifetime"
  description = "Ends the lifetime of the RetailFlow stack ${var.stack_id}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "own"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["ec2:StopInstances"], Resource = [for id in var.instance_ids : "arn:aws:ec2:${var.region}:${var.account_id}:instance/${id}"] },
      { Effect = "Allow", Action = ["events:DisableRule"], Resource = [var.rule.arn] },
    ]
  })
}
