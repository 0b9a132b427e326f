"""What fulfils the ports: everything that imports boto3, sends HTTP, or runs an engine."""
