"""Raw reviews in, checked and divided rows out. Imports no torch."""
