# One EC2 instance with its role, and a data volume if it keeps data.

data "aws_ssm_parameter" "ami" {
  name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
}

data "aws_subnet" "this" {
  id = var.subnet_id
}

resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_88:The public address is the way out, in place of a NAT gateway; no security group lets anything in.
  #checkov:skip=CKV_AWS_126:Basic monitoring shows a stack of an afternoon well enough; detailed costs two dollars a month a host.
  ami                         = data.aws_ssm_parameter.ami.insecure_value
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [var.security_group_id]
  associate_public_ip_address = true
  iam_instance_profile        = aws_iam_instance_profile.this.name
  ebs_optimized               = true
  user_data                   = join("\n", [file("${path.module}/host-keys.sh"), var.user_data])
  user_data_replace_on_change = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.root_gigabytes
    encrypted   = true
  }

  tags        = { Name = var.name }
  volume_tags = null

  lifecycle {
    # A newer image appears every few weeks; it is taken with the next new host, never by replacing a running one. A host that
    # is stopped has no public address, and gets another when it starts.
    ignore_changes = [ami, associate_public_ip_address]
  }

  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy_attachment.managed]
}

resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV_AWS_189:The key that AWS manages encrypts it; a key of one's own costs a dollar a month and outlives the stack by a week.
  #checkov:skip=CKV2_AWS_9:The data are made up by the stack itself and go with it; a backup plan would outlive it.
  count = var.data_gigabytes > 0 ? 1 : 0

  availability_zone = data.aws_subnet.this.availability_zone
  type              = "gp3"
  size              = var.data_gigabytes
  encrypted         = true

  tags = { Name = "${var.name}-data" }
}

resource "aws_volume_attachment" "data" {
  count = var.data_gigabytes > 0 ? 1 : 0

  device_name = "/dev/sdf"
  instance_id = aws_instance.this.id
  volume_id   = aws_ebs_volume.data[0].id
  # A volume in use cannot be detached; a database that still writes would hold up the teardown.
  stop_instance_before_detaching = true
}
