variable "name" {
  description = "Name of the host."
  type        = string
}

variable "instance_type" {
  description = "EC2 instance type, x86_64."
  type        = string
}

variable "subnet_id" {
  description = "Subnet to live in."
  type        = string
}

variable "security_group_id" {
  description = "The security group of the host's role."
  type        = string
}

variable "user_data" {
  description = "What the host does when it first starts. Holds no secret."
  type        = string
}

variable "policy" {
  description = "IAM statements for what the host may do beyond being managed by Systems Manager."
  type        = list(object({ Effect = string, Action = list(string), Resource = list(string) }))
}

variable "data_gigabytes" {
  description = "Size in GiB of a volume for data that outlives the instance; 0 for none."
  type        = number
  default     = 0
}

variable "root_gigabytes" {
  description = "Size in GiB of the disk with the system and the images; the machine image needs 30."
  type        = number
  default     = 30
}
