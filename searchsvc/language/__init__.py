"""What is known of Russian: normalised text, tokens with lemmas, letters and layouts, synonyms."""
