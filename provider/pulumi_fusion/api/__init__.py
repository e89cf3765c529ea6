"""The client of the service: requests and responses, transport, retries, tokens."""
