# Where the stack's images live. Applied first, so that images can be pushed while the foundation is still being built.

resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136:The key that AWS manages encrypts the images; a key of one's own costs a dollar a month and outlives the stack by a week.
  for_each = var.images

  name                 = "${var.stack_id}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  # A stack must go away with its images in it.
  force_delete = true

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Remove what no tag names any more"
      selection = {
        tagStatus   = "untagged"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = var.untagged_days
      }
      action = { type = "expire" }
    }]
  })
}
