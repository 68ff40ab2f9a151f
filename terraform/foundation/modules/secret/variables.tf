variable "name" {
  description = "Name of the secret."
  type        = string
}

variable "description" {
  description = "What the secret opens."
  type        = string
}

variable "username" {
  description = "The user whose password is made up and stored; null leaves the secret empty, to be filled from outside Terraform."
  type        = string
  default     = null
}
