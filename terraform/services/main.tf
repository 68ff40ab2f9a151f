# What runs on the foundation: PostgreSQL, Dagster and Metabase as ECS services, the generator as a function, and the end of it all.

locals {
  repository_arns = ["arn:aws:ecr:${var.region}:${var.account_id}:repository/${var.stack_id}/*"]

  secrets = { for name, arn in var.foundation.secret_arns : name => {
    username = { arn = arn, key = "username" }
    password = { arn = arn, key = "password" }
  } }

  # A database beside the service that owns it: only its own host can reach it.
  private_database = {
    command = ["postgres", "-c", "listen_addresses=127.0.0.1"]
    health  = "pg_isready --quiet --host 127.0.0.1"
    data    = "/var/lib/postgresql/data"
  }

  dagster = {
    image = var.images.dagster
    environment = {
      DAGSTER_POSTGRES_HOST    = "127.0.0.1"
      DAGSTER_POSTGRES_DB      = "dagster"
      RETAILFLOW_AIRBYTE_URL   = "http://${var.foundation.private_ips["airbyte"]}:8000"
      RETAILFLOW_DATABASE_HOST = var.foundation.private_ips["postgres"]
    }
    secrets = {
      DAGSTER_POSTGRES_USER     = local.secrets["dagster-database"].username
      DAGSTER_POSTGRES_PASSWORD = local.secrets["dagster-database"].password
    }
  }
}

module "postgres" {
  source = "./modules/task"

  name            = "postgres"
  stack_id        = var.stack_id
  cluster         = var.foundation.cluster
  role            = "postgres"
  region          = var.region
  log_group       = var.foundation.log_groups["postgres"]
  repository_arns = local.repository_arns
  containers = {
    postgres = {
      image  = var.images.postgres
      memory = 1024
      # Logical decoding is what Airbyte's change capture reads.
      command     = ["postgres", "-c", "wal_level=logical", "-c", "max_replication_slots=8", "-c", "max_wal_senders=8"]
      environment = { POSTGRES_DB = "shop" }
      secrets = {
        POSTGRES_USER     = local.secrets["postgres"].username
        POSTGRES_PASSWORD = local.secrets["postgres"].password
      }
      health = "pg_isready --quiet --host 127.0.0.1"
      data   = "/var/lib/postgresql/data"
    }
  }
}

module "dagster" {
  source = "./modules/task"

  name            = "dagster"
  stack_id        = var.stack_id
  cluster         = var.foundation.cluster
  role            = "dagster"
  region          = var.region
  log_group       = var.foundation.log_groups["dagster"]
  repository_arns = local.repository_arns
  containers = {
    database = merge(local.private_database, {
      image       = var.images.postgres
      memory      = 256
      environment = { POSTGRES_DB = "dagster" }
      secrets = {
        POSTGRES_USER     = local.secrets["dagster-database"].username
        POSTGRES_PASSWORD = local.secrets["dagster-database"].password
      }
    })
    code = merge(local.dagster, {
      memory  = 1024
      command = ["dagster", "api", "grpc", "--host", "127.0.0.1", "--port", "4000", "--module-name", "retailflow_pipeline.definitions"]
      health  = "dagster api grpc-health-check --port 4000"
      after   = ["database"]
      # The only part that runs the pipeline, and so the only one that holds its keys.
      secrets = merge(local.dagster.secrets, {
        RETAILFLOW_AIRBYTE_CLIENT_ID     = { arn = var.foundation.secret_arns["airbyte"], key = "Client-Id" }
        RETAILFLOW_AIRBYTE_CLIENT_SECRET = { arn = var.foundation.secret_arns["airbyte"], key = "Client-Secret" }
        RETAILFLOW_SNOWFLAKE             = { arn = var.foundation.secret_arns["snowflake"], key = "" }
      })
    })
    webserver = merge(local.dagster, {
      memory  = 512
      command = ["dagster-webserver", "--host", "127.0.0.1", "--port", "3000", "--grpc-host", "127.0.0.1", "--grpc-port", "4000"]
      health  = "python -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:3000/server_info', timeout=4)\""
      after   = ["code"]
    })
    daemon = merge(local.dagster, {
      memory  = 384
      command = ["dagster-daemon", "run", "--grpc-host", "127.0.0.1", "--grpc-port", "4000"]
      health  = "dagster-daemon liveness-check"
      after   = ["code"]
    })
  }
}

module "metabase" {
  source = "./modules/task"

  name            = "metabase"
  stack_id        = var.stack_id
  cluster         = var.foundation.cluster
  role            = "metabase"
  region          = var.region
  log_group       = var.foundation.log_groups["metabase"]
  repository_arns = local.repository_arns
  containers = {
    database = merge(local.private_database, {
      image       = var.images.postgres
      memory      = 256
      environment = { POSTGRES_DB = "metabase" }
      secrets = {
        POSTGRES_USER     = local.secrets["metabase-database"].username
        POSTGRES_PASSWORD = local.secrets["metabase-database"].password
      }
    })
    metabase = {
      image  = var.images.metabase
      memory = 2048
      environment = {
        MB_DB_TYPE    = "postgres"
        MB_DB_HOST    = "127.0.0.1"
        MB_DB_PORT    = "5432"
        MB_DB_DBNAME  = "metabase"
        MB_JETTY_HOST = "127.0.0.1"
      }
      secrets = {
        MB_DB_USER = local.secrets["metabase-database"].username
        MB_DB_PASS = local.secrets["metabase-database"].password
      }
      health = "wget --quiet --output-document=- http://127.0.0.1:3000/api/health"
      after  = ["database"]
    }
  }
}

module "generator" {
  source = "./modules/generator"

  stack_id           = var.stack_id
  zip                = var.function_zip
  subnet_ids         = var.foundation.subnet_ids
  security_group_id  = var.foundation.security_group_ids["generator"]
  database           = { host = var.foundation.private_ips["postgres"], secret_arn = var.foundation.secret_arns["postgres"] }
  tick_minutes       = var.tick_minutes
  orders_per_minute  = var.orders_per_minute
  seed               = var.seed
  backfill_days      = var.backfill_days
  log_retention_days = var.log_retention_days
}

module "lifetime" {
  source = "./modules/lifetime"
  count  = var.stop_at == null ? 0 : 1

  stack_id     = var.stack_id
  region       = var.region
  account_id   = var.account_id
  stop_at      = var.stop_at
  instance_ids = values(var.foundation.instance_ids)
  rule         = { name = module.generator.rule, arn = module.generator.rule_arn }
}
