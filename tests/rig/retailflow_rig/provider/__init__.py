"""A stand-in for the provider `hashicorp/aws`: schema, plan, and work against the AWS that the environment names."""
