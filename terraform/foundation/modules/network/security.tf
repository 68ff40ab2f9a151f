# One security group a role, and rules that name roles instead of addresses.

locals {
  roles = toset(flatten([for flow in var.flows : [flow.from, flow.to]]))
}

resource "aws_security_group" "role" {
  #checkov:skip=CKV2_AWS_5:Used by the hosts, the tunnel and the function, which other modules and roots make.
  for_each = local.roles

  name        = "${var.name}-${each.key}"
  description = "Role ${each.key} of the RetailFlow stack ${var.name}"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  for_each = var.flows

  description                  = each.key
  security_group_id            = aws_security_group.role[each.value.to].id
  referenced_security_group_id = aws_security_group.role[each.value.from].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "flow" {
  for_each = var.flows

  description                  = each.key
  security_group_id            = aws_security_group.role[each.value.from].id
  referenced_security_group_id = aws_security_group.role[each.value.to].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = var.online

  description       = "HTTPS to AWS, Snowflake and the downloads of Airbyte"
  security_group_id = aws_security_group.role[each.key].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# The way in: a tunnel that AWS opens for who may call its API, to port 22 of the hosts.
resource "aws_ec2_instance_connect_endpoint" "this" {
  subnet_id          = aws_subnet.public["0"].id
  security_group_ids = [aws_security_group.role["tunnel"].id]

  tags = { Name = var.name }
}

# The generator runs without a public address, so it reads its secret through an endpoint inside the network.
data "aws_region" "current" {}

resource "aws_vpc_endpoint" "secrets" {
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.current.region}.secretsmanager"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [aws_subnet.public["0"].id]
  security_group_ids  = [aws_security_group.role["secrets"].id]

  tags = { Name = "${var.name}-secrets" }
}
