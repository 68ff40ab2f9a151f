variable "name" {
  description = "The stack's id, which names every part of the network."
  type        = string
}

variable "cidr" {
  description = "Address range of the network."
  type        = string
}

variable "flows" {
  description = "Who may connect to whom inside the network: the roles and the TCP port. Nothing else is open."
  type        = map(object({ from = string, to = string, port = number }))
}

variable "online" {
  description = "Roles that may reach the internet, by HTTPS and in that direction only."
  type        = set(string)
}
