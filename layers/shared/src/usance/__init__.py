"""Usance: usage-based billing that runs in its owner's AWS account."""
