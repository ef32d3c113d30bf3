"""Find labels that are probably wrong, and send them back to the annotators."""
