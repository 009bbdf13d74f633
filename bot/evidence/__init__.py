"""What the documents say of a sentence: values, names, promises, denials, conditions; nothing else is released."""
