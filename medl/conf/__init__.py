"""JSON in, checked objects out: reading, variables, marks, references, translation, the check, building."""
