output "group" {
  description = "Name of the schedule group."
  value       = aws_scheduler_schedule_group.this.name
}
