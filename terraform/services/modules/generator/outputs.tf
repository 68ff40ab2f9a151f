output "function" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "rule" {
  description = "Name of the rule that fires the function."
  value       = aws_cloudwatch_event_rule.tick.name
}

output "rule_arn" {
  description = "ARN of that rule."
  value       = aws_cloudwatch_event_rule.tick.arn
}

output "alarms" {
  description = "Names of the alarms."
  value       = [aws_cloudwatch_metric_alarm.errors.alarm_name, aws_cloudwatch_metric_alarm.missed.alarm_name]
}
