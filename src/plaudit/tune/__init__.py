"""Settings searched for on validation; the best run is tested once, at the end."""
