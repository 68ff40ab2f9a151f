"""An AWS account and a Terraform provider that live on this computer, for tests without the internet."""
