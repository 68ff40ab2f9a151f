variable "stack_id" {
  description = "The stack's id."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "account_id" {
  description = "AWS account."
  type        = string
}

variable "stop_at" {
  description = "When to stop everything, as UTC time."
  type        = string
}

variable "instance_ids" {
  description = "The instances to stop."
  type        = list(string)
}

variable "rule" {
  description = "Name and ARN of the rule to disable."
  type        = object({ name = string, arn = string })
}
