"""What was asked: the language of queries, filters, periods, and the plan an engine gets."""
