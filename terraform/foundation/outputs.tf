output "vpc_id" {
  description = "Id of the stack's network."
  value       = module.network.vpc_id
}

output "subnet_ids" {
  description = "Ids of the two public subnets."
  value       = module.network.subnet_ids
}

output "security_group_ids" {
  description = "Id of the security group of each role."
  value       = module.network.security_group_ids
}

output "tunnel_id" {
  description = "Id of the EC2 Instance Connect Endpoint that leads to the hosts."
  value       = module.network.tunnel_id
}

output "cluster" {
  description = "ARN of the ECS cluster."
  value       = aws_ecs_cluster.this.arn
}

output "instance_ids" {
  description = "Id of each host's instance, by role."
  value       = merge({ for role, host in module.container_host : role => host.instance_id }, { airbyte = module.airbyte_host.instance_id })
}

output "private_ips" {
  description = "Address of each host inside the network, by role."
  value       = merge({ for role, host in module.container_host : role => host.private_ip }, { airbyte = module.airbyte_host.private_ip })
}

output "secret_arns" {
  description = "ARN of each secret, by what it opens."
  value       = { for name, secret in module.secret : name => secret.arn }
}

output "log_groups" {
  description = "Name of each service's log group."
  value       = { for name, group in aws_cloudwatch_log_group.this : name => group.name }
}
