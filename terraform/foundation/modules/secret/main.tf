# A secret whose value Terraform never stores: the password lives for one run, and reaches Secrets Manager write-only.

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV_AWS_149:The key that AWS manages encrypts it; a key of one's own costs a dollar a month and outlives the stack by a week.
  #checkov:skip=CKV2_AWS_57:The services read their password as they start; a rotated one would lock them out of their own database.
  name        = var.name
  description = var.description
  # At once, so that a stack of the same name can be made again.
  recovery_window_in_days = 0
}

ephemeral "aws_secretsmanager_random_password" "this" {
  count = var.username == null ? 0 : 1

  password_length     = 32
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "this" {
  count = var.username == null ? 0 : 1

  secret_id = aws_secretsmanager_secret.this.id
  secret_string_wo = jsonencode({
    username = var.username
    password = ephemeral.aws_secretsmanager_random_password.this[0].random_password
  })
  # A new password is written when this number changes, and never otherwise.
  secret_string_wo_version = 1
}
