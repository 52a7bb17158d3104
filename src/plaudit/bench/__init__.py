"""What models are worth and what they cost, side by side. Light: a measuring child imports it."""
