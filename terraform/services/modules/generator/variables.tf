variable "stack_id" {
  description = "The stack's id."
  type        = string
}

variable "zip" {
  description = "Path of the function's package."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets to run in."
  type        = list(string)
}

variable "security_group_id" {
  description = "The generator's security group."
  type        = string
}

variable "database" {
  description = "Host of the shop's PostgreSQL, and the ARN of the secret that opens it."
  type        = object({ host = string, secret_arn = string })
}

variable "tick_minutes" {
  description = "Minutes between two ticks."
  type        = number
}

variable "orders_per_minute" {
  description = "Mean orders a minute."
  type        = number
}

variable "seed" {
  description = "Seed of the shop; the same seed gives the same shop."
  type        = string
}

variable "backfill_days" {
  description = "Days of history that the shop starts with."
  type        = number
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
}
