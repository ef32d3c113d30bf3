"""`streetloop serve`: a model behind HTTP, which follows the champion of the registry."""
