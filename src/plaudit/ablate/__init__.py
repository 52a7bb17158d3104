"""The values of a setting side by side: which one is worth its price on these data."""
