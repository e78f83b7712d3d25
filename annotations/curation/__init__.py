"""From ratings to training data: a rule, the traces that pass it, and the file of records."""
