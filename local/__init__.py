"""The embedded stack: runs `template.yaml` on one machine, without Docker and without an AWS account."""
