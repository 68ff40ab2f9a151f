output "services" {
  description = "Names of the ECS services."
  value       = [module.postgres.service, module.dagster.service, module.metabase.service]
}

output "function" {
  description = "Name of the generator's function."
  value       = module.generator.function
}

output "rule" {
  description = "Name of the rule that fires the generator."
  value       = module.generator.rule
}

output "alarms" {
  description = "Names of the generator's alarms."
  value       = module.generator.alarms
}
