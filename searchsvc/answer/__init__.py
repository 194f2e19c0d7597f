"""What an answer is made of: rows, snippets, folded reprints, ways on, explanations."""
