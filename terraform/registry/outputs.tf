output "repository_urls" {
  description = "Address of each image's repository, by image name; push to it, and name it in task definitions."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "repository_arns" {
  description = "ARN of each image's repository, by image name; what hosts may pull."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.arn }
}
