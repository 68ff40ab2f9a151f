# What the stack stands on: the network, the hosts, the cluster, the secrets and the log groups.

locals {
  containers = toset(["postgres", "dagster", "metabase"])
  logs       = toset(["postgres", "dagster", "metabase"])

  tunnels = { for role in ["airbyte", "dagster", "metabase", "postgres"] :
    "Tunnel to the host of ${role}" => { from = "tunnel", to = role, port = 22 }
  }
  # The endpoint answers for Secrets Manager's public name, so everybody in the network goes through it.
  secrets = { for role in ["airbyte", "dagster", "generator", "metabase", "postgres"] :
    "Secrets for ${role}" => { from = role, to = "secrets", port = 443 }
  }
  flows = merge(local.tunnels, local.secrets, {
    "Airbyte reads PostgreSQL"        = { from = "airbyte", to = "postgres", port = 5432 }
    "Dagster reads PostgreSQL"        = { from = "dagster", to = "postgres", port = 5432 }
    "Generator writes PostgreSQL"     = { from = "generator", to = "postgres", port = 5432 }
    "Dagster starts syncs in Airbyte" = { from = "dagster", to = "airbyte", port = 8000 }
  })

  # What the ECS agent needs, on this cluster and no other.
  agent = [
    {
      Effect   = "Allow"
      Action   = ["ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance", "ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange"]
      Resource = [aws_ecs_cluster.this.arn]
    },
    {
      Effect   = "Allow"
      Action   = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]
      Resource = ["arn:aws:ecs:${var.region}:${var.account_id}:container-instance/${var.stack_id}/*"]
    },
    {
      # AWS knows no resource for this one.
      Effect   = "Allow"
      Action   = ["ecs:DiscoverPollEndpoint"]
      Resource = ["*"]
    },
  ]
}

module "network" {
  source = "./modules/network"

  name   = var.stack_id
  cidr   = var.cidr
  flows  = local.flows
  online = ["airbyte", "dagster", "metabase", "postgres"]
}

resource "aws_ecs_cluster" "this" {
  name = var.stack_id

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts logs by itself; a key of one's own costs a dollar a month and outlives the stack by a week.
  #checkov:skip=CKV_AWS_338:A stack lives for hours or weeks; its logs need not be kept for a year.
  for_each = local.logs

  name              = "/retailflow/${var.stack_id}/${each.key}"
  retention_in_days = var.log_retention_days
}

module "secret" {
  source = "./modules/secret"
  for_each = {
    postgres          = { username = "shop", description = "The shop's database" }
    dagster-database  = { username = "dagster", description = "Dagster's own database" }
    metabase-database = { username = "metabase", description = "Metabase's own database" }
    metabase          = { username = "admin@retailflow.local", description = "Metabase's administrator" }
    airbyte           = { username = null, description = "Airbyte's credentials, written by its host once it is installed" }
    snowflake         = { username = null, description = "The Snowflake service user's key, written by the app" }
  }

  name        = "${var.stack_id}/${each.key}"
  description = "${each.value.description} (RetailFlow stack ${var.stack_id})"
  username    = each.value.username
}

module "container_host" {
  source   = "./modules/host"
  for_each = local.containers

  name              = "${var.stack_id}-${each.key}"
  instance_type     = var.instance_types[each.key]
  subnet_id         = module.network.subnet_ids[0]
  security_group_id = module.network.security_group_ids[each.key]
  data_gigabytes    = var.data_gigabytes[each.key]
  policy            = local.agent
  user_data = templatefile("${path.module}/user-data/container-host.sh.tftpl", {
    cluster = aws_ecs_cluster.this.name
    role    = each.key
  })
}

module "airbyte_host" {
  source = "./modules/host"

  name              = "${var.stack_id}-airbyte"
  instance_type     = var.instance_types.airbyte
  subnet_id         = module.network.subnet_ids[0]
  security_group_id = module.network.security_group_ids["airbyte"]
  root_gigabytes    = 60
  policy = [{
    Effect   = "Allow"
    Action   = ["secretsmanager:PutSecretValue"]
    Resource = [module.secret["airbyte"].arn]
  }]
  user_data = templatefile("${path.module}/user-data/airbyte.sh.tftpl", {
    abctl_version = var.abctl_version
    region        = var.region
    secret_arn    = module.secret["airbyte"].arn
  })
}
