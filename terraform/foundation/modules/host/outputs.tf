output "instance_id" {
  description = "Id of the instance."
  value       = aws_instance.this.id
}

output "private_ip" {
  description = "Address of the host inside the network."
  value       = aws_instance.this.private_ip
}
