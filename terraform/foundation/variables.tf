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

variable "cidr" {
  description = "Address range of the stack's own network, at least a /24."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr, 4, 1))
    error_message = "The network's range must be a CIDR block with room for 16 parts."
  }
}

variable "instance_types" {
  description = "EC2 instance type of each host; all of them x86_64. Airbyte needs 2 CPUs and 8 GB."
  type        = object({ postgres = string, airbyte = string, dagster = string, metabase = string })
  default     = { postgres = "t3.medium", airbyte = "t3.large", dagster = "t3.medium", metabase = "t3.medium" }
}

variable "data_gigabytes" {
  description = "Size of the volume on which each container host keeps its databases, in GiB."
  type        = object({ postgres = number, dagster = number, metabase = number })
  default     = { postgres = 50, dagster = 20, metabase = 10 }
}

variable "abctl_version" {
  description = "Version of abctl, Airbyte's installer, as its releases are named."
  type        = string
  default     = "v0.30.4"

  validation {
    condition     = can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+$", var.abctl_version))
    error_message = "A version of abctl looks like v0.30.4."
  }
}

variable "log_retention_days" {
  description = "Days for which CloudWatch keeps the stack's logs."
  type        = number
  default     = 14
}
