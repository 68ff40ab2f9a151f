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

variable "images" {
  description = "Names of the images to hold, a repository each."
  type        = set(string)
  default     = ["dagster", "metabase", "postgres"]
}

variable "untagged_days" {
  description = "Days after which an image that no tag names any more is removed."
  type        = number
  default     = 7
}
