//! Running Terraform.
