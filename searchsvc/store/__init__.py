"""What a generation keeps beside the engine's index: documents, records, words, phrases, vectors."""
