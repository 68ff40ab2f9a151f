output "arn" {
  description = "ARN of the secret; the value is read from Secrets Manager by whoever may."
  value       = aws_secretsmanager_secret.this.arn
}
