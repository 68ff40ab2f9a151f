output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Ids of the two public subnets, first the one that the hosts live in."
  # Whoever uses the subnets needs the way out of them, which the ids alone do not say.
  depends_on = [aws_route.internet, aws_route_table_association.public]
  value      = [aws_subnet.public["0"].id, aws_subnet.public["1"].id]
}

output "security_group_ids" {
  description = "Id of each role's security group."
  value       = { for role, group in aws_security_group.role : role => group.id }
}

output "tunnel_id" {
  description = "Id of the EC2 Instance Connect Endpoint."
  value       = aws_ec2_instance_connect_endpoint.this.id
}
