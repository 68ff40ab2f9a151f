# One ECS service with one task, on the host of its role. Host networking: its containers meet on localhost, and security groups
# guard the host's ports.

locals {
  secret_arns = distinct(flatten([for container in var.containers : [for secret in container.secrets : secret.arn]]))

  definitions = [for name, container in var.containers : {
    name              = name
    image             = container.image
    essential         = true
    memoryReservation = container.memory
    # Beyond twice its share a container is restarted, before it takes the host and its neighbours with it.
    memory      = 2 * container.memory
    command     = container.command
    environment = [for key, value in container.environment : { name = key, value = value }]
    secrets     = [for key, secret in container.secrets : { name = key, valueFrom = "${secret.arn}:${secret.key}::" }]
    dependsOn   = [for other in container.after : { containerName = other, condition = "HEALTHY" }]
    mountPoints = container.data == null ? [] : [{ sourceVolume = name, containerPath = container.data, readOnly = false }]
    # A database must be able to finish its checkpoint.
    stopTimeout = 60
    healthCheck = {
      command     = ["CMD-SHELL", container.health]
      interval    = 10
      timeout     = 5
      retries     = 6
      startPeriod = 120
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group
        awslogs-region        = var.region
        awslogs-stream-prefix = name
      }
    }
  }]
}

resource "aws_ecs_task_definition" "this" {
  #checkov:skip=CKV_AWS_336:The images write to their own file systems as they start (sockets, plugins, compiled Python).
  family                   = "${var.stack_id}-${var.name}"
  network_mode             = "host"
  requires_compatibilities = ["EC2"]
  execution_role_arn       = aws_iam_role.execution.arn
  # Without nulls, as ECS gives it back.
  container_definitions = jsonencode([for definition in local.definitions : { for key, value in definition : key => value if value != null }])

  dynamic "volume" {
    for_each = { for name, container in var.containers : name => container if container.data != null }

    content {
      name      = volume.key
      host_path = "/data/${volume.key}"
    }
  }
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = var.cluster
  task_definition = aws_ecs_task_definition.this.arn
  launch_type     = "EC2"
  desired_count   = 1
  # There is one host with these ports and this data: the old task stops before the new one starts.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  # A service that never became healthy must not hold up the teardown.
  force_delete = true
  # The app watches health itself and says what it waits for; Terraform would wait in silence.
  wait_for_steady_state = false
  propagate_tags        = "SERVICE"

  placement_constraints {
    type       = "memberOf"
    expression = "attribute:retailflow.role == ${var.role}"
  }

  # No circuit breaker: until Airbyte is installed and its secret filled, a start fails, and the next one must be tried.
  depends_on = [aws_iam_role_policy.execution]
}
