"""The routes; https://docs.netography.com/api-reference documents those of the API."""
