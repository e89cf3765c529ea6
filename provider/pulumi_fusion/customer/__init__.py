"""What a customer is and how it changes: model, rules, mapping to the API. No HTTP, no Pulumi."""
