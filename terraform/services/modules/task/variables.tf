variable "name" {
  description = "Name of the service."
  type        = string
}

variable "stack_id" {
  description = "The stack's id."
  type        = string
}

variable "cluster" {
  description = "ARN of the ECS cluster, as the provider reads it back of a service that is imported."
  type        = string
}

variable "role" {
  description = "Role of the host to be placed on."
  type        = string
}

variable "region" {
  description = "AWS region of the logs."
  type        = string
}

variable "log_group" {
  description = "Log group to write to."
  type        = string
}

variable "repository_arns" {
  description = "ARNs of the repositories to pull from."
  type        = list(string)
}

variable "containers" {
  description = "The containers: image, command, environment, secrets as ARN and JSON key, health check, memory in MiB as its fair share, the data folder's place inside, and what must be healthy first."
  type = map(object({
    image       = string
    memory      = number
    command     = optional(list(string))
    environment = optional(map(string), {})
    secrets     = optional(map(object({ arn = string, key = string })), {})
    health      = string
    data        = optional(string)
    after       = optional(list(string), [])
  }))
}
