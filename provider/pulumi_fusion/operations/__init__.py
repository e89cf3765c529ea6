"""What is done with customers on the service: one verb per module, read from top to bottom."""
