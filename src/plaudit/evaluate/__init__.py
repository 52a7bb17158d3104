"""How good the model is, how sure that is, and what a simple model does. Imports no torch."""
