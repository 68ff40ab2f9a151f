# A network of two public subnets. No NAT gateway: hosts reach AWS, Snowflake and Airbyte's downloads through their own public
# addresses, to which nobody can connect, because no security group lets anything in from outside the network.

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:Any two zones of the region will do, and a zone that AWS adds later moves no subnet: see the subnets' lifecycle.
  state = "available"

  # Without the local zones that an account may have opted into: they lack most of what runs here.
  filter {
    name   = "zone-type"
    values = ["availability-zone"]
  }
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Flow logs cost by the gigabyte and would show a bulk load only; the security groups let nothing in from outside.
  cidr_block           = var.cidr
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# Without rules: whatever is put into it by mistake reaches nothing.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each = toset(["0", "1"])

  vpc_id            = aws_vpc.this.id
  availability_zone = data.aws_availability_zones.available.names[tonumber(each.key)]
  cidr_block        = cidrsubnet(var.cidr, 4, tonumber(each.key))

  tags = { Name = "${var.name}-${each.key}" }

  lifecycle {
    # The zones are taken in the order of their names; a new one may not push a subnet with hosts in it elsewhere.
    ignore_changes = [availability_zone]
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.name }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  route_table_id = aws_route_table.public.id
  subnet_id      = each.value.id
}
