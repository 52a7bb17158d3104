"""What was found, for people: sentences, a web page, a model card. Imports no torch."""
