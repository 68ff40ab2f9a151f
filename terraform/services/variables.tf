variable "stack_id" {
  description = "Identifies the stack; every resource is named after it and tagged with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.stack_id))
    error_message = "A stack id is 2 to 20 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "account_id" {
  description = "The AWS account to work in; with credentials of another one nothing is touched."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An AWS account id has 12 digits."
  }
}

variable "region" {
  description = "The AWS region to work in."
  type        = string
}

variable "foundation" {
  description = "Outputs of the root foundation."
  type = object({
    cluster            = string
    instance_ids       = map(string)
    log_groups         = map(string)
    private_ips        = map(string)
    secret_arns        = map(string)
    security_group_ids = map(string)
    subnet_ids         = list(string)
  })
}

variable "images" {
  description = "Image of each service with its tag or digest: postgres, dagster, metabase."
  type        = object({ postgres = string, dagster = string, metabase = string })
}

variable "function_zip" {
  description = "Path of the generator's package for Lambda."
  type        = string
}

variable "tick_minutes" {
  description = "Minutes between two ticks of the generator."
  type        = number
  default     = 3

  validation {
    condition     = var.tick_minutes >= 1 && floor(var.tick_minutes) == var.tick_minutes
    error_message = "EventBridge fires at whole minutes, at most once a minute."
  }
}

variable "orders_per_minute" {
  description = "Mean number of orders that the generator writes for a minute of the shop's time."
  type        = number
  default     = 30
}

variable "seed" {
  description = "Seed of the shop; the same seed gives the same shop."
  # A number of Terraform holds 64 bits only by way of a string.
  type    = string
  default = "42"

  validation {
    condition     = can(regex("^[0-9]{1,20}$", var.seed))
    error_message = "A seed is a whole number that is not negative."
  }
}

variable "backfill_days" {
  description = "Days of history that the shop starts with."
  type        = number
  default     = 30

  validation {
    condition     = var.backfill_days >= 0 && floor(var.backfill_days) == var.backfill_days
    error_message = "The history is a whole number of days."
  }
}

variable "stop_at" {
  description = "When to stop the hosts and the generator, as UTC time like 2030-01-31T18:00:00; null for never."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days for which CloudWatch keeps the generator's logs."
  type        = number
  default     = 14
}
