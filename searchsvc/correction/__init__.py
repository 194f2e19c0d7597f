"""What a query with a fault may have meant."""
